import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  type ProductionVariant,
} from '@aws-sdk/client-sagemaker';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Harness } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);

beforeAll(async () => {
  await harness.start();
  await harness.config('echo-a');
  await harness.endpoint('echo', 'echo-a');
});
afterAll(() => harness.close());

describe('InvokeEndpoint', () => {
  it('passes body, types and custom attributes to the model and back', async () => {
    const answer = await harness.invoke('echo', '1,2,3', { Accept: 'application/json', CustomAttributes: 'trace=1' });
    expect(answer).toMatchObject({
      id: 'echo-a',
      contentType: 'text/csv',
      accept: 'application/json',
      bytes: 5,
      variant: 'AllTraffic',
      attributes: 'trace=1',
    });
  });

  it('reports an endpoint that does not exist, or is not in service yet, as not found', async () => {
    const notFound = {
      name: 'ValidationError',
      message: 'Endpoint nobody of account 000000000000 not found.',
      $metadata: { httpStatusCode: 400 },
    };
    await expect(harness.invoke('nobody')).rejects.toMatchObject(notFound);
    await harness.rule({ id: 'held', kind: 'endpoint', match: '^hatching$', action: 'slow', delayMs: 600_000 });
    const request = { EndpointName: 'hatching', EndpointConfigName: 'echo-a' };
    await harness.control.send(new CreateEndpointCommand(request));
    expect((await harness.describe('hatching')).EndpointStatus).toBe('Creating');
    await expect(harness.invoke('hatching')).rejects.toMatchObject({ name: 'ValidationError' });
    await harness.endDelays('held');
    await harness.settled('hatching');
    expect((await harness.invoke('hatching')).id).toBe('echo-a');
  });

  it.each([
    ['error', 'server', 500, 'the model is broken'],
    ['bad', 'client', 400, 'bad row'],
  ])('reports an answer to %s as ModelError', async (text, side, status, message) => {
    await expect(harness.invoke('echo', text)).rejects.toMatchObject({
      name: 'ModelError',
      message: expect.stringContaining(
        `Received ${side} error (${status}) from primary with message "${message}". See `,
      ) as string,
      OriginalStatusCode: status,
      OriginalMessage: message,
      LogStreamArn: expect.stringMatching(/log-group:\/aws\/sagemaker\/Endpoints\/echo$/) as string,
      $metadata: { httpStatusCode: 424 },
    });
  });

  it('limits bodies to 6,291,456 bytes each way', async () => {
    expect((await harness.invoke('echo', 'x'.repeat(6_291_456))).bytes).toBe(6_291_456);
    await expect(harness.invoke('echo', 'x'.repeat(6_291_457))).rejects.toMatchObject({
      message: 'HTTP content length exceeded 6291456 bytes.',
      $metadata: { httpStatusCode: 413 },
    });
    // Without a Content-Length the size shows only on the way.
    const chunks = Array.from({ length: 7 }, () => Buffer.alloc(1_000_000));
    const chunked = await fetch(`${harness.url}/endpoints/echo/invocations`, {
      method: 'POST',
      body: ReadableStream.from(chunks),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    await expect(harness.invoke('echo', 'big')).rejects.toMatchObject({ name: 'ModelError' });
  });

  it('answers 503 when the program dies with the request, and starts it again', async () => {
    await harness.endpoint('mortal', 'echo-a');
    const before = await harness.invoke('mortal');
    await expect(harness.invoke('mortal', 'die')).rejects.toMatchObject({
      name: 'ServiceUnavailable',
      $metadata: { httpStatusCode: 503 },
    });
    const again = await harness.invoke('mortal');
    expect(again.id).toBe('echo-a');
    expect(again.instance).not.toBe(before.instance);
  });

  it('uses the other process of a variant while one is down', async () => {
    await harness.config('pair', {}, { InitialInstanceCount: 2 });
    await harness.endpoint('pair', 'pair');
    const answers = await Promise.all(Array.from({ length: 8 }, () => harness.invoke('pair', 'sleep:50')));
    expect(new Set(answers.map((answer) => answer.instance)).size).toBe(2);
    await expect(harness.invoke('pair', 'die')).rejects.toMatchObject({ name: 'ServiceUnavailable' });
    const after = await Promise.all(Array.from({ length: 20 }, () => harness.invoke('pair')));
    expect(after).toHaveLength(20);
  });
});

describe('production variants', () => {
  it('share the traffic by weight, and TargetVariant overrides it', async () => {
    await harness.model('heavy');
    await harness.model('none');
    const variant = (name: string, weight: number): ProductionVariant => ({
      VariantName: name,
      ModelName: name,
      InstanceType: 'ml.m5.large',
      InitialInstanceCount: 1,
      InitialVariantWeight: weight,
    });
    await harness.control.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: 'weighted',
        ProductionVariants: [variant('heavy', 0.5), variant('none', 0)],
      }),
    );
    await harness.endpoint('weighted', 'weighted');
    const answers = await Promise.all(Array.from({ length: 20 }, () => harness.invoke('weighted')));
    expect(new Set(answers.map((answer) => `${answer.variant} ${answer.id}`))).toEqual(new Set(['heavy heavy']));
    expect((await harness.invoke('weighted', 'row', { TargetVariant: 'none' })).variant).toBe('none');
    await expect(harness.invoke('weighted', 'row', { TargetVariant: 'other' })).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'Variant other not found for Request',
    });
  });
});

describe('DeleteEndpoint', () => {
  it('finishes requests, stops the processes, removes the files and frees the name', async () => {
    await harness.endpoint('doomed', 'echo-a');
    const served = await harness.invoke('doomed');
    const last = harness.invoke('doomed', 'sleep:300');
    await sleep(50);
    await harness.control.send(new DeleteEndpointCommand({ EndpointName: 'doomed' }));
    expect((await harness.describe('doomed')).EndpointStatus).toBe('Deleting');
    await expect(harness.invoke('doomed')).rejects.toMatchObject({ name: 'ValidationError' });
    expect((await last).id).toBe('echo-a');
    await expect(harness.settled('doomed')).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/doomed".',
    });
    expect(await harness.alive(served)).toBe(false);
    expect(existsSync(join(harness.stateDir, 'endpoints', 'doomed'))).toBe(false);
    expect((await harness.endpoint('doomed', 'echo-a')).EndpointStatus).toBe('InService');
    await expect(harness.control.send(new DescribeEndpointCommand({ EndpointName: 'Doomed-2' }))).rejects.toMatchObject(
      { name: 'ValidationException' },
    );
  });
});
