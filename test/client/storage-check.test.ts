import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../client/definition/fault.js';
import { storageJsonSchema, storageSchema } from '../../contracts/storage/index.js';
import { call, temporaryFolder } from './terminal.js';

async function check(text: string) {
  const folder = await temporaryFolder({ 'storage.yaml': text });
  const called = await call({}, ['definition', 'check', folder, '--json']);
  return { ...called, file: join(folder, 'storage.yaml'), faults: called.json<{ faults: Fault[] }>().faults };
}

const RECORDS = 'storage:\n  records: { bucket: my-bucket }\n';
const found = (faults: readonly Fault[]) => faults.map(({ path, message }) => `${path} ${message}`);

describe('definition check of a storage file', () => {
  it('tells all faults at once, with line, value found and fix', async () => {
    const { code, faults } = await check(`storage:
  record: { bucket: my-bucket }
  mirrors:
    - bucket: My_Bucket
      path: /mnt/../efs
      fileMode: 0640
      mountPoint: yes
    - { bucket: my-bucket, prefix: /data, path: relative }
  reconcile: { cron: 61 * * * *, timeZone: Mars }
  purge: { confirmAbove: many }
name: weather
`);
    expect(code).toBe(1);
    expect(faults).toMatchObject([
      { line: 2, path: 'storage.record', fix: 'did you mean records?' },
      { line: 4, path: 'storage.mirrors.0.bucket', found: 'My_Bucket' },
      { line: 5, path: 'storage.mirrors.0.path', found: '/mnt/../efs' },
      { line: 6, path: 'storage.mirrors.0.fileMode', found: '0640', fix: 'put it in quotes: "0640"' },
      { line: 7, path: 'storage.mirrors.0.mountPoint', fix: 'write true' },
      { line: 8, path: 'storage.mirrors.1.prefix', message: expect.stringContaining('must end with /') as string },
      { line: 8, path: 'storage.mirrors.1.path', message: expect.stringContaining('absolute folder') as string },
      { line: 9, path: 'storage.reconcile.cron', message: expect.stringContaining('is not a cron') as string },
      { line: 9, path: 'storage.reconcile.timeZone' },
      { line: 10, path: 'storage.purge.confirmAbove' },
      { line: 11, path: 'name', message: 'is not a known key' },
    ]);
  });

  it('says what is required, and how to write it', async () => {
    const { faults } = await check('storage:\n  mirrors:\n    - { bucket: my-bucket }\n');
    expect(faults).toMatchObject([
      { line: 1, path: 'storage.records', fix: 'add  records: { bucket: … }' },
      { line: 3, path: 'storage.mirrors.0.path', fix: 'add  path: /mnt/efs/data' },
    ]);
    expect((await check('storage:\n')).faults).toMatchObject([{ line: 1, path: 'storage' }]);
  });

  it.each<[string, string, string[]]>([
    [
      'two mirrors of one folder',
      `  mirrors:
    - { bucket: my-bucket, path: /mnt/a }
    - { bucket: other-bucket, path: /mnt/a }
`,
      ['storage.mirrors.1.path is the path of mirrors.0 too'],
    ],
    [
      'mirrors in one another',
      `  mirrors:
    - { bucket: my-bucket, path: /mnt/a/b }
    - { bucket: my-bucket, path: /mnt/ab }
    - { bucket: my-bucket, path: /mnt/a }
`,
      ['storage.mirrors.2.path overlaps with /mnt/a/b of mirrors.0'],
    ],
    [
      "what is Perennial's own",
      `  mirrors: [{ bucket: my-bucket, prefix: _perennial/targets/, path: /mnt/a }]
  copies: [{ bucket: my-bucket, toBucket: other-bucket, toPrefix: _perennial/ }]
`,
      [
        'storage.mirrors.0.prefix must not lie under _perennial/',
        'storage.copies.0.toPrefix must not lie under _perennial/',
      ],
    ],
    [
      'a copy that leads to itself',
      '  copies: [{ bucket: my-bucket, prefix: a/, toBucket: my-bucket, toPrefix: a/ }]\n',
      ['storage.copies.0 leads to itself'],
    ],
    [
      'copies among their originals',
      '  copies: [{ bucket: my-bucket, toBucket: my-bucket, toPrefix: backup/ }]\n',
      ['storage.copies.0 has its copies among its originals (my-bucket/backup/ and my-bucket/)'],
    ],
    [
      'a circle of three',
      `  copies:
    - { bucket: aaa, toBucket: bbb, toPrefix: x/ }
    - { bucket: bbb, prefix: x/y/, toBucket: ccc }
    - { bucket: other, toBucket: aaa }
    - { bucket: ccc, toBucket: aaa }
`,
      ['storage.copies.3 closes a circle with copies.0, copies.1'],
    ],
    [
      'a way back that is another',
      `  copies:
    - { bucket: aaa, prefix: x/, toBucket: bbb, toPrefix: x/ }
    - { bucket: bbb, toBucket: aaa, suffix: .out }
`,
      ['storage.copies.1 closes a circle with copies.0'],
    ],
  ])('finds %s', async (_what, more, wanted) => {
    const { faults } = await check(RECORDS + more);
    const texts = found(faults);
    expect(texts).toHaveLength(wanted.length);
    wanted.forEach((text, index) => expect(texts[index]).toContain(text));
  });

  it.each([
    ['two-way replicas', '  copies: [{ bucket: aaa, toBucket: bbb }, { bucket: bbb, toBucket: aaa }]\n'],
    [
      'a chain, and answers beside their rows',
      `  copies:
    - { bucket: aaa, prefix: rows/, toBucket: aaa, toPrefix: predictions/, suffix: .out }
    - { bucket: aaa, prefix: predictions/, toBucket: bbb }
`,
    ],
    ['two mirrors of one prefix', '  mirrors: [{ bucket: aaa, path: /mnt/a }, { bucket: aaa, path: /mnt/b }]\n'],
  ])('takes %s', async (_what, more) => {
    const { code, out, file } = await check(RECORDS + more);
    expect(out).toContain(`"storage":${JSON.stringify(file)}`);
    expect(code).toBe(0);
  });

  it('refuses ways around the folder, be they written otherwise', () => {
    const path = (text: string) =>
      storageSchema.safeParse({ storage: { records: { bucket: 'bbb' }, mirrors: [{ bucket: 'bbb', path: text }] } })
        .success;
    for (const bad of ['/..', '/../etc', '/a/..', '/a/./b', '/./a', '//a', '/a//b', '/a/', '/', 'a', ''])
      expect([bad, path(bad)]).toEqual([bad, false]);
    for (const good of ['/a', '/a/b', '/a/..b', '/a b/ü', '/.a']) expect([good, path(good)]).toEqual([good, true]);
  });

  it('prints the JSON Schema', async () => {
    const { code, json } = await call({}, ['definition', 'schema', '--storage', '--json']);
    expect(code).toBe(0);
    expect(json()).toEqual(storageJsonSchema());
  });
});

describe('definition check of storage.audit.formerKeys', () => {
  const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const PUBLIC =
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErNUFaLguKKSirWrRBVnf0QsLQTDUa3FT8lkSnTf2q/SGlmzLww5skEjFF9rAa6z5nmyaVRPyg+KG7jeACEiA4Q==';
  const audit = (signingKey: string, ...former: string[]) =>
    `${RECORDS}  audit:\n    bucket: my-heads\n    signingKey: ${signingKey}\n    formerKeys:\n${former.map((one) => `      - ${one}\n`).join('')}`;
  const former = ({ key = ARN, publicKey = PUBLIC, until = '2027-03-01T00:00:00Z' } = {}) =>
    `{ key: '${key}', publicKey: '${publicKey}', until: '${until}' }`;

  it('takes the ARN of a key with its public half and a time', async () => {
    expect((await check(audit('alias/new', former()))).code).toBe(0);
  });

  it('refuses an alias, which leads elsewhere by now, a public key of another kind, and a time without a zone', async () => {
    const faulty = { key: 'alias/old', publicKey: 'MFkwEwYH', until: '2027-03-01T00:00:00' };
    const { faults } = await check(audit('alias/new', former(faulty)));
    expect(faults).toMatchObject([
      {
        path: 'storage.audit.formerKeys.0.key',
        message: expect.stringContaining('an alias leads elsewhere') as string,
      },
      { path: 'storage.audit.formerKeys.0.publicKey', message: expect.stringContaining('P-256') as string },
      { path: 'storage.audit.formerKeys.0.until', message: expect.stringContaining('2027-03-01T00:00:00Z') as string },
    ]);
  });

  it('refuses the signing key itself, and a key that was replaced twice', async () => {
    const { faults } = await check(audit(ARN, former(), former({ until: '2028-03-01T00:00:00Z' })));
    expect(found(faults)).toEqual([
      expect.stringMatching(/^storage.audit.formerKeys.0.key is signingKey/),
      expect.stringMatching(/^storage.audit.formerKeys.1.key is that of formerKeys.0 too/),
    ]);
  });
});

describe('definition check of data.fileSystems', () => {
  const model = (more: string, channels: string) => `name: weather
role: arn:aws:iam::123456789012:role/sagemaker-execution
data:
  bucket: my-bucket
  channels: [validation]
  fileSystems:
${channels}training: { algorithm: linear-learner }
${more}`;
  const NETWORK = 'network: { subnets: [subnet-1], securityGroups: [sg-1] }\n';
  const channel = (name: string, more = '') =>
    `    - { channel: ${name}, fileSystem: fs-0123456789abcdef0, directory: /d, path: /mnt/d${more} }\n`;

  it('needs network, and names of their own', async () => {
    const { faults } = await check(
      model(
        'evaluation: { metric: rmse, channel: test }\n',
        ['train', 'holdout', 'validation', 'test', 'a', 'a'].map((name) => channel(name)).join(''),
      ),
    );
    expect(found(faults).map((text) => text.slice(0, 70))).toEqual(
      [
        'data.fileSystems needs network: SageMaker mounts a file system from ins',
        'data.fileSystems.0.channel must be another channel than train, which is',
        'data.fileSystems.1.channel must not be holdout: records call by that na',
        'data.fileSystems.2.channel must not be one of data.channels, which are ',
        'data.fileSystems.3.channel must not be evaluation.channel: a model is n',
        'data.fileSystems.5.channel must not be the channel of data.fileSystems.',
      ].map((text) => text.slice(0, 70)),
    );
  });

  it('takes no other bucket than that of the data as what is mirrored, and warns where nothing is said', async () => {
    const { faults } = await check(model(NETWORK, channel('a', ', mirrorOf: s3://other-bucket/d/')));
    expect(found(faults)).toEqual([
      'data.fileSystems.0.mirrorOf must lie in data.bucket (my-bucket): the file record of a run names objects of one bucket',
    ]);
    const { code, err } = await check(model(NETWORK, channel('a') + channel('b', ', mirrorOf: s3://my-bucket/d/')));
    expect(code).toBe(0);
    expect(err).toContain('warning: data.fileSystems says of channel a no mirrorOf');
    expect(err).not.toContain('channel b');
  });

  it('says of a folder that a mirror of the same check keeps what it is a mirror of', async () => {
    const mirrors = `${RECORDS}  mirrors: [{ bucket: my-bucket, prefix: data/, path: /mnt }]\n`;
    const together = async (channels: string) => {
      const folder = await temporaryFolder({ 'a.yaml': model(NETWORK, channels), 'storage.yaml': mirrors });
      return (await call({}, ['definition', 'check', folder, '--json'])).json<{ faults: Fault[] }>().faults;
    };
    expect(await together(channel('a') + channel('b', ', mirrorOf: s3://my-bucket/d/'))).toMatchObject([
      { line: 7, path: 'data.fileSystems.0', fix: 'write  mirrorOf: s3://my-bucket/data/d/' },
      { line: 8, path: 'data.fileSystems.1.mirrorOf', found: 's3://my-bucket/d/' },
    ]);
    expect(await together(channel('a', ', mirrorOf: s3://my-bucket/data/d/'))).toEqual([]);
  });

  it('keeps to the 20 channels that SageMaker takes', async () => {
    const most = Array.from({ length: 18 }, (_, at) => channel(`c${at}`)).join('');
    expect(found((await check(model(NETWORK, most))).faults)).toEqual([]);
    expect(found((await check(model(NETWORK, most + channel('more')))).faults)).toEqual([
      expect.stringContaining('data.fileSystems must have at most 19 entries together with data.channels'),
    ]);
  });
});
