import { ApiError, type Context, type Operation } from '../context.js';
import { Fields } from '../validate.js';
import { LogContent } from './content.js';
import { pageOf } from './page.js';
import { streamsOf, type LogStream } from './streams.js';

const GROUP_PATTERN = '[\\.\\-_/#A-Za-z0-9]+';
const STREAM_PATTERN = '[^:*]*';
/** CloudWatch: events of a page, streams of a page. */
const MOST_EVENTS = 10_000;
const MOST_STREAMS = 50;
/** `f/` or `b/`, a position, `/s`: opaque to clients, as long as CloudWatch's. */
const TOKEN = /^([fb])\/(\d{56})\/s$/;

/** DescribeLogStreams and GetLogEvents of CloudWatch Logs, over what programs have written. */
export const logsOperations: Readonly<Record<string, Operation>> = {
  DescribeLogStreams(input, ctx) {
    const fields = new Fields(input);
    const group = groupName(fields);
    const prefix = fields.string('logStreamNamePrefix', { min: 1, max: 512, pattern: STREAM_PATTERN });
    const orderBy = fields.string('orderBy', { values: ['LogStreamName', 'LastEventTime'] }) ?? 'LogStreamName';
    const descending = fields.boolean('descending') ?? false;
    const limit = fields.integer('limit', { min: 1, max: MOST_STREAMS }) ?? MOST_STREAMS;
    const token = fields.string('nextToken', { min: 1 });
    checked(fields);
    if (prefix !== undefined && orderBy === 'LastEventTime') {
      throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
    }
    const streams = inGroup(ctx, group, prefix).map((stream) => summarize(ctx, group, stream));
    const key = ({ logStreamName, lastEventTimestamp = 0 }: Summary): string =>
      orderBy === 'LogStreamName' ? logStreamName : `${String(lastEventTimestamp).padStart(16, '0')} ${logStreamName}`;
    const direction = descending ? -1 : 1;
    streams.sort((a, b) => (key(a) < key(b) ? -direction : direction));
    const start = token === undefined ? 0 : streams.findIndex((stream) => encode(stream.logStreamName) === token) + 1;
    if (token !== undefined && start === 0) throw invalid('The specified nextToken is invalid.');
    const logStreams = streams.slice(start, start + limit);
    const last = streams.length > start + limit ? logStreams.at(-1) : undefined;
    return Promise.resolve({ logStreams, ...(last && { nextToken: encode(last.logStreamName) }) });
  },

  GetLogEvents(input, ctx) {
    const fields = new Fields(input);
    const group = groupName(fields);
    const name = fields.string('logStreamName', { required: true, min: 1, max: 512, pattern: STREAM_PATTERN }) ?? '';
    const [startTime, endTime] = [fields.integer('startTime', { min: 0 }), fields.integer('endTime', { min: 0 })];
    const limit = fields.integer('limit', { min: 1, max: MOST_EVENTS }) ?? MOST_EVENTS;
    const fromHead = fields.boolean('startFromHead') ?? false;
    const token = fields.string('nextToken', { min: 1 });
    checked(fields);
    const [, direction, position] = TOKEN.exec(token ?? '') ?? [];
    if (token !== undefined && direction === undefined) throw invalid('The specified nextToken is invalid.');
    const stream = inGroup(ctx, group, name).find((each) => each.name === name);
    if (!stream) throw new ApiError('ResourceNotFoundException', 'The specified log stream does not exist.');
    const { lines, start, end } = pageOf(new LogContent(stream.file), {
      forward: direction === undefined ? fromHead : direction === 'f',
      ...(position !== undefined && { position: Number(position) }),
      ...(startTime !== undefined && { startTime }),
      ...(endTime !== undefined && { endTime }),
      limit,
      ended: stream.ended,
    });
    // As CloudWatch shows a training job's tabs, which published metric expressions are written against.
    const shown = (text: string): string => (group.endsWith('/TrainingJobs') ? text.replaceAll('\t', '#011') : text);
    return Promise.resolve({
      events: lines.map(({ timestamp, text }) => ({ timestamp, message: shown(text), ingestionTime: timestamp })),
      nextForwardToken: positionToken('f', end),
      nextBackwardToken: positionToken('b', start),
    });
  },
};

interface Summary {
  readonly logStreamName: string;
  readonly lastEventTimestamp?: number;
}

function summarize({ config }: Context, group: string, { name, file }: LogStream): Summary {
  const span = new LogContent(file).span;
  return {
    logStreamName: name,
    ...(span && {
      creationTime: span.first,
      firstEventTimestamp: span.first,
      lastEventTimestamp: span.last,
      lastIngestionTime: span.last,
    }),
    arn: `arn:aws:logs:${config.region}:${config.accountId}:log-group:${group}:log-stream:${name}`,
    storedBytes: 0,
  } as Summary;
}

function inGroup(ctx: Context, group: string, prefix?: string): LogStream[] {
  const streams = streamsOf(ctx, group, prefix);
  if (!streams) throw new ApiError('ResourceNotFoundException', 'The specified log group does not exist.');
  return streams;
}

function groupName(fields: Fields): string {
  return fields.string('logGroupName', { required: true, min: 1, max: 512, pattern: GROUP_PATTERN }) ?? '';
}

/** As `done`, with the code that CloudWatch Logs gives what other services call a ValidationException. */
function checked(fields: Fields): void {
  try {
    fields.done();
  } catch (error) {
    throw error instanceof ApiError && error.code === 'ValidationException' ? invalid(error.message) : error;
  }
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterException', message);
}

function encode(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function positionToken(direction: 'f' | 'b', position: number): string {
  return `${direction}/${String(position).padStart(56, '0')}/s`;
}
