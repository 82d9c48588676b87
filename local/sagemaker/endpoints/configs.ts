import { arn } from '../arn.js';
import { ApiError, type Context, type Operation } from '../context.js';
import { refuseOverQuota } from '../faults.js';
import { page } from '../paging.js';
import { dropTags, readTags, setTags, tagsOf } from '../tags.js';
import { now } from '../time.js';
import { Fields, KMS_PATTERN, NAME_PATTERN, requireName, ROLE_PATTERN } from '../validate.js';
import { unavailable } from './containers.js';
import { checkVpc, getModel } from './models.js';
import type { EndpointConfigRecord, ProductionVariant } from './types.js';
import { checkVariants, readVariants } from './variants.js';
import { millis, present, tagMap } from './wire.js';

/** Members that change how an endpoint answers and that local mode cannot imitate. */
const UNAVAILABLE = ['AsyncInferenceConfig', 'ExplainerConfig', 'ShadowProductionVariants'] as const;

/** CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs and DeleteEndpointConfig. */
export const configOperations: Readonly<Record<string, Operation>> = {
  CreateEndpointConfig(input, ctx) {
    const fields = new Fields(input);
    const name = fields.string('EndpointConfigName', { required: true, max: 63, pattern: NAME_PATTERN }) ?? '';
    checkVariants(fields);
    const kmsKeyId = fields.string('KmsKeyId', { max: 2048, pattern: KMS_PATTERN });
    const capture = fields.structure('DataCaptureConfig')?.boolean('EnableCapture');
    fields.string('ExecutionRoleArn', { min: 20, max: 2048, pattern: ROLE_PATTERN });
    fields.boolean('EnableNetworkIsolation');
    checkVpc(fields);
    const tags = readTags(input, fields);
    fields.done();
    for (const member of UNAVAILABLE) if (input[member] != null) throw unavailable(member);
    if (capture) throw unavailable('DataCaptureConfig with EnableCapture');

    const configArn = arn(ctx.config, 'endpoint-config', name);
    if (ctx.store.get('endpoint-config', name)) {
      throw new ApiError(
        'ValidationException',
        `Cannot create already existing endpoint configuration "${configArn}".`,
      );
    }
    const variants = readVariants(input['ProductionVariants'] as ProductionVariant[], kmsKeyId);
    for (const variant of variants) getModel(ctx, variant.ModelName);
    const record: EndpointConfigRecord = {
      EndpointConfigName: name,
      EndpointConfigArn: configArn,
      ProductionVariants: variants,
      CreationTime: now(),
      ...present({
        KmsKeyId: kmsKeyId,
        DataCaptureConfig: input['DataCaptureConfig'],
        ExecutionRoleArn: input['ExecutionRoleArn'],
        VpcConfig: input['VpcConfig'],
        EnableNetworkIsolation: input['EnableNetworkIsolation'],
      }),
    };
    refuseOverQuota(
      ctx.control.take('endpoint-config', name),
      'Maximum number of endpoint configurations',
      'EndpointConfigs',
    );
    // Tags first, so that none is ever seen without its own.
    setTags(ctx, configArn, tags);
    ctx.store.put('endpoint-config', name, record);
    const detail = { ...record, CreationTime: millis(record.CreationTime), Tags: tagMap(tagsOf(ctx, configArn)) };
    ctx.emit('SageMaker Endpoint Config State Change', detail, [configArn]);
    return Promise.resolve({ EndpointConfigArn: configArn });
  },

  DescribeEndpointConfig(input, ctx) {
    return Promise.resolve(getConfig(ctx, requireName(input, 'EndpointConfigName')));
  },

  ListEndpointConfigs(input, ctx) {
    const { items, ...rest } = page(input, ctx.store.list<EndpointConfigRecord>('endpoint-config'), {
      name: (config) => config.EndpointConfigName,
      created: (config) => config.CreationTime,
    });
    const EndpointConfigs = items.map(({ EndpointConfigName, EndpointConfigArn, CreationTime }) => ({
      EndpointConfigName,
      EndpointConfigArn,
      CreationTime,
    }));
    return Promise.resolve({ EndpointConfigs, ...rest });
  },

  DeleteEndpointConfig(input, ctx) {
    // As on AWS, a config in use may be deleted: its endpoint goes on with what it deployed.
    const record = getConfig(ctx, requireName(input, 'EndpointConfigName'));
    ctx.store.delete('endpoint-config', record.EndpointConfigName);
    dropTags(ctx, record.EndpointConfigArn);
    return Promise.resolve({});
  },
};

/** The endpoint configuration of a name. Throws the ValidationException that tools match on. */
export function getConfig(ctx: Context, name: string): EndpointConfigRecord {
  const record = ctx.store.get<EndpointConfigRecord>('endpoint-config', name);
  if (record) return record;
  throw new ApiError(
    'ValidationException',
    `Could not find endpoint configuration "${arn(ctx.config, 'endpoint-config', name)}".`,
  );
}
