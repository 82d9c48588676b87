/**
 * Folder with the programs of an image: the whole URI first, else its repository name without registry, tag and
 * digest (`382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1` -> `linear-learner`), so that the same
 * definition resolves in every region.
 */
export function findImage(images: Readonly<Record<string, string>>, uri: string): string | undefined {
  return images[uri] ?? images[repositoryName(uri)];
}

/** `registry/repo:tag@sha256:…` -> `repo`; a repository with slashes keeps them. */
export function repositoryName(uri: string): string {
  const withoutDigest = uri.split('@')[0] ?? uri;
  const withoutTag = withoutDigest.replace(/:[^:/]+$/, '');
  const slash = withoutTag.indexOf('/');
  const first = withoutTag.slice(0, Math.max(slash, 0));
  // The part before the first slash is a registry only if it looks like a host.
  return /[.:]|^localhost$/.test(first) ? withoutTag.slice(slash + 1) : withoutTag;
}
