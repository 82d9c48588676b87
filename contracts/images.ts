/** Built-in algorithms that Perennial knows by name, with the repository of their image and the tag it uses. */
const BUILT_IN = {
  'linear-learner': { repository: 'linear-learner', tag: '1' },
  xgboost: { repository: 'sagemaker-xgboost', tag: '1.7-1' },
} as const;

export type Algorithm = keyof typeof BUILT_IN;

/** Registry accounts by region, [linear-learner, sagemaker-xgboost]. Source: the public registry path tables of the SageMaker developer guide. */
const ACCOUNTS: Readonly<Record<string, readonly [string, string]>> = {
  'us-east-1': ['382416733822', '683313688378'],
  'us-east-2': ['404615174143', '257758044811'],
  'us-west-1': ['632365934929', '746614075791'],
  'us-west-2': ['174872318107', '246618743249'],
  'ca-central-1': ['469771592824', '341280168497'],
  'sa-east-1': ['855470959533', '737474898029'],
  'eu-west-1': ['438346466558', '141502667606'],
  'eu-west-2': ['644912444149', '764974769150'],
  'eu-west-3': ['749696950732', '659782779980'],
  'eu-central-1': ['664544806723', '492215442770'],
  'eu-north-1': ['669576153137', '662702820516'],
  'eu-south-1': ['257386234256', '978288397137'],
  'af-south-1': ['455444449433', '510948584623'],
  'me-south-1': ['249704162688', '801668240914'],
  'ap-east-1': ['286214385809', '651117190479'],
  'ap-south-1': ['991648021394', '720646828776'],
  'ap-southeast-1': ['475088953585', '121021644041'],
  'ap-southeast-2': ['712309505854', '783357654285'],
  'ap-northeast-1': ['351501993468', '354813040037'],
  'ap-northeast-2': ['835164637446', '366743142698'],
  'cn-north-1': ['390948362332', '450853457545'],
  'cn-northwest-1': ['387376663083', '451049120500'],
  'us-gov-west-1': ['226302683700', '414596584902'],
  'ap-northeast-3': ['867004704886', '867004704886'],
  'ap-south-2': ['628508329040', '628508329040'],
  'ap-southeast-3': ['951798379941', '951798379941'],
  'ap-southeast-4': ['106583098589', '106583098589'],
  'ca-west-1': ['190319476487', '190319476487'],
  'eu-central-2': ['680994064768', '680994064768'],
  'eu-south-2': ['104374241257', '104374241257'],
  'il-central-1': ['898809789911', '898809789911'],
  'me-central-1': ['272398656194', '272398656194'],
  'us-gov-east-1': ['237065988967', '237065988967'],
};

/** Regions whose registry accounts are known. */
export const REGIONS = Object.keys(ACCOUNTS);

/** The image URI of a built-in algorithm in a region. Throws a RangeError that lists the known regions for another one. */
export function imageUri(algorithm: Algorithm, region: string): string {
  const accounts = ACCOUNTS[region];
  if (!accounts) {
    throw new RangeError(
      `No registry account is known for ${algorithm} in region "${region}"; give training.image instead. Known: ${REGIONS.join(', ')}`,
    );
  }
  const account = accounts[algorithm === 'linear-learner' ? 0 : 1];
  const suffix = region.startsWith('cn-') ? '.amazonaws.com.cn' : '.amazonaws.com';
  const { repository, tag } = BUILT_IN[algorithm];
  return `${account}.dkr.ecr.${region}${suffix}/${repository}:${tag}`;
}

/** The parts of an image's URI. A tag stands only where no digest does: a digest says which image it is, whatever the tag. */
export interface ImageName {
  /** Host with its port, as it is written; undefined where the URI names none. */
  readonly registry?: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

export const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Reads `[registry/]repository[:tag][@digest]`; without tag and digest the tag is `latest`, as engines take it. */
export function parseImage(uri: string): ImageName {
  const [name = '', digest] = uri.split('@');
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]|^localhost$/.test(first);
  const rest = isHost ? name.slice(slash + 1) : name;
  const [, repository = rest, tag] = /^(.*):([^:/]+)$/.exec(rest) ?? [];
  return {
    ...(isHost && { registry: first }),
    repository,
    ...(digest === undefined ? { tag: tag ?? 'latest' } : { digest }),
  };
}

/** Which image a run trained with: the digest, or why it is not known. Neither in records of before. */
export interface ImageIdentity {
  /** What the image's URI named when the training job was made: `sha256:…`. */
  readonly imageDigest?: string;
  /** Why the digest is not known, in words. */
  readonly imageDigestMissing?: string;
}
