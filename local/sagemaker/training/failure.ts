/** A failure whose text is the job's FailureReason. */
export class JobFailure extends Error {}

/** FailureReason of a job whose artefact can't be stored. */
export function uploadFailed(error: unknown): string {
  return `ClientError: Artifact upload failed:${messageOf(error)}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
