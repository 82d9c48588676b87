import { arn } from '../arn.js';
import { ApiError, type Context, type Operation } from '../context.js';
import { refuseOverQuota } from '../faults.js';
import { page } from '../paging.js';
import { dropTags, readTags, setTags, tagsOf } from '../tags.js';
import { now } from '../time.js';
import { Fields, NAME_PATTERN, requireName, ROLE_PATTERN } from '../validate.js';
import { checkContainer, checkReferences, refuseUnavailable, servingContainer } from './containers.js';
import type { ContainerDefinition, ModelRecord } from './types.js';
import { millis, present, tagMap } from './wire.js';

/** CreateModel, DescribeModel, ListModels and DeleteModel. */
export const modelOperations: Readonly<Record<string, Operation>> = {
  async CreateModel(input, ctx) {
    const fields = new Fields(input);
    const name = fields.string('ModelName', { required: true, max: 63, pattern: NAME_PATTERN }) ?? '';
    for (const container of [fields.structure('PrimaryContainer'), ...fields.structures('Containers', { max: 15 })]) {
      if (container) checkContainer(container);
    }
    fields.string('ExecutionRoleArn', { min: 20, max: 2048, pattern: ROLE_PATTERN });
    fields.boolean('EnableNetworkIsolation');
    checkVpc(fields);
    const tags = readTags(input, fields);
    fields.done();
    const request = input as Partial<ModelRecord>;
    refuseUnavailable(request);

    const modelArn = arn(ctx.config, 'model', name);
    refuseExisting(ctx, name, modelArn);
    await checkReferences(ctx, servingContainer(request));
    refuseExisting(ctx, name, modelArn);
    const record: ModelRecord = {
      ModelName: name,
      ModelArn: modelArn,
      CreationTime: now(),
      ...present({
        PrimaryContainer: request.PrimaryContainer && withMode(request.PrimaryContainer),
        Containers: request.Containers?.map(withMode),
        ExecutionRoleArn: input['ExecutionRoleArn'],
        VpcConfig: input['VpcConfig'],
        InferenceExecutionConfig: input['InferenceExecutionConfig'],
      }),
      EnableNetworkIsolation: input['EnableNetworkIsolation'] === true,
    };
    refuseOverQuota(ctx.control.take('model', name), 'Maximum number of models', 'Models');
    // Tags first, so that none is ever seen without its own.
    setTags(ctx, modelArn, tags);
    ctx.store.put('model', name, record);
    emit(ctx, record);
    return { ModelArn: modelArn };
  },

  DescribeModel(input, ctx) {
    return Promise.resolve(getModel(ctx, requireName(input, 'ModelName')));
  },

  ListModels(input, ctx) {
    const { items, ...rest } = page(input, ctx.store.list<ModelRecord>('model'), {
      name: (model) => model.ModelName,
      created: (model) => model.CreationTime,
    });
    const Models = items.map(({ ModelName, ModelArn, CreationTime }) => ({ ModelName, ModelArn, CreationTime }));
    return Promise.resolve({ Models, ...rest });
  },

  DeleteModel(input, ctx) {
    // As on AWS, endpoints that run the model go on: they hold a copy of what they deployed.
    const record = getModel(ctx, requireName(input, 'ModelName'));
    emit(ctx, record);
    ctx.store.delete('model', record.ModelName);
    dropTags(ctx, record.ModelArn);
    return Promise.resolve({});
  },
};

/** The model of a name. Throws the ValidationException that tools match on. */
export function getModel(ctx: Context, name: string): ModelRecord {
  const record = ctx.store.get<ModelRecord>('model', name);
  if (!record) throw new ApiError('ValidationException', `Could not find model "${arn(ctx.config, 'model', name)}".`);
  return record;
}

/** Checks a VpcConfig member. */
export function checkVpc(fields: Fields): void {
  const vpc = fields.structure('VpcConfig');
  vpc?.strings('SecurityGroupIds', { required: true, min: 1, max: 5 }, { max: 32, pattern: '[-0-9a-zA-Z]+' });
  vpc?.strings('Subnets', { required: true, min: 1, max: 16 }, { max: 32, pattern: '[-0-9a-zA-Z]+' });
}

function withMode(container: ContainerDefinition): ContainerDefinition {
  return { ...container, Mode: container['Mode'] ?? 'SingleModel' };
}

function refuseExisting(ctx: Context, name: string, modelArn: string): void {
  if (!ctx.store.get('model', name)) return;
  throw new ApiError('ValidationException', `Cannot create already existing model "${modelArn}".`);
}

function emit(ctx: Context, record: ModelRecord): void {
  const detail = { ...record, CreationTime: millis(record.CreationTime), Tags: tagMap(tagsOf(ctx, record.ModelArn)) };
  ctx.emit('SageMaker Model State Change', detail, [record.ModelArn]);
}
