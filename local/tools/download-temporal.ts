// Run as a process of its own, as the SDK's runtime takes over signals: `download-temporal <version> <folder>`.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [version = 'default', downloadDir] = process.argv.slice(2);
// The SDK downloads to start a server; that it starts is the proof that the file is whole.
const environment = await TestWorkflowEnvironment.createLocal({
  server: {
    executable: { type: 'cached-download', version, downloadDir },
    ui: false,
    log: { format: 'json', level: 'error' },
  },
});
await environment.teardown();
