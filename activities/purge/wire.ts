import { buffer } from 'node:stream/consumers';
import type { ListObjectVersionsCommand } from '@aws-sdk/client-s3';

/** What XML 1.0 can't hold, not even escaped: keys with it can't be in a bulk delete. */
// eslint-disable-next-line no-control-regex -- these are the characters it is about
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Whether a key can stand in the XML of DeleteObjects. */
export const fitsXml = (key: string): boolean => !NOT_XML.test(key);

/** Reads keys and markers of a listing. The SDK decodes none of them; `+` is a space. A server that ignores EncodingType answers them as they are. */
export function decoderOf(encodingType: string | undefined): (text: string) => string {
  if (encodingType !== 'url') return (text) => text;
  return (text) => (/[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text);
}

/** Every command's stack takes a middleware that is about the response alone. */
type Stack = ListObjectVersionsCommand['middlewareStack'];

/** Line ends that a parser changes or drops, as they stand in an answer. */
const LINE_ENDS = ['\r', '<Key>\n', '\n</Key>', '<NextKeyMarker>\n', '\n</NextKeyMarker>'].map((text) =>
  Buffer.from(text),
);

/**
 * A server that ignores EncodingType may leave line ends of a key unescaped: XML's rules make a line feed of a carriage return, which is
 * another key, and a parser drops a text of line ends alone. They are encoded before the answer is parsed.
 */
export function keepLineEnds(command: { readonly middlewareStack: unknown }): void {
  (command.middlewareStack as Stack).add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { body?: unknown; statusCode?: number };
      if (response.statusCode !== 200 || response.body === undefined) return result;
      const body = await buffer(response.body as NodeJS.ReadableStream);
      response.body = LINE_ENDS.some((text) => body.includes(text))
        ? Buffer.from(encoded(body.toString('utf8')))
        : body;
      return result;
    },
    { step: 'deserialize', name: 'keepLineEnds', priority: 'low' },
  );
}

/** As it is with EncodingType: the parser sees no line end, and `decoderOf` undoes it. */
const encoded = (xml: string) =>
  xml
    .replaceAll(/(?<=<(?:Key|NextKeyMarker)>)[^<]+/g, (key) => key.replaceAll(/[%+\r\n]/g, encodeURIComponent))
    .replace('<IsTruncated>', '<EncodingType>url</EncodingType><IsTruncated>');
