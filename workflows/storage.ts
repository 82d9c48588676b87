import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Storage } from '../contracts/storage/index.js';
import { STORAGE_MEMO, type StorageState } from '../contracts/storage/state.js';
import { MESSAGES } from '../contracts/runs.js';

/** An entity with this many events behind it starts afresh. One `apply` is about six. */
const LONG_HISTORY = 200;

const apply = defineUpdate<{ changed: boolean }, [Storage | null]>(MESSAGES.apply);
const status = defineQuery<StorageState>(MESSAGES.status);

/**
 * The one long-lived entity of the declared storage: holds it, and shows it in its memo to readers that only look. It ends when none is
 * declared any more.
 */
export async function storage(state: StorageState): Promise<void> {
  let declared = state.storage;

  const show = (): void => {
    upsertMemo({ [STORAGE_MEMO]: declared });
    if (declared === null) return setCurrentDetails('no storage is declared any more');
    const { records, mirrors, copies } = declared;
    const folders = mirrors.map(({ bucket, prefix, path }) => `\`s3://${bucket}/${prefix}\` → \`${path}\``);
    setCurrentDetails(
      [`**records** \`s3://${records.bucket}\``, ...folders, `**rules for copies** ${copies.length}`].join('  \n'),
    );
  };

  setHandler(status, () => ({ storage: declared }));
  setHandler(apply, (wanted) => {
    const changed = JSON.stringify(wanted) !== JSON.stringify(declared);
    declared = wanted;
    if (changed) show();
    return { changed };
  });
  show();
  const worn = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > LONG_HISTORY;
  await condition(() => allHandlersFinished() && (declared === null || worn()));
  if (declared === null) return;
  await continueAsNew<typeof storage>({ storage: declared });
}
