// Checked by tsc --strict: see tests/packages/hosts.rs.
import { Client, ConfigError, JobFailedError, TimeoutError, ZmdError, setLogger, version } from 'zmd';
import type { Job, Progress, Settings, Status } from 'zmd';

const settings: Settings = { access_token: async (refused) => `${refused ?? ''}x`, timeout_ms: 1000, data_center: 'eu' };
const jobs: Job[] = [['Leads', '1001'], ['Leads', 1001n]];

function show(progress: Progress): string {
  if (progress.status !== null) return progress.status.text;
  return progress.error.isTransient ? progress.error.code : '';
}

export async function main(): Promise<Status | undefined> {
  await setLogger((level, line) => console.log(level.toUpperCase(), line), 'debug');
  const client = new Client(settings);
  try {
    for await (const progress of client.watch('Leads', '1001', { signal: AbortSignal.timeout(1000) })) show(progress);
    for await (const outcome of client.asCompleted(jobs, { check: true })) {
      if (outcome instanceof ZmdError) console.log(outcome.module, outcome.httpStatus.toFixed());
      else console.log((outcome.deletedCount ?? 0).toFixed());
    }
    const status = await client.wait('Leads', '1001', { timeoutMs: 1000, progress: show, check: true });
    const state: 'COMPLETED' | 'FAILED' | undefined = status.state === 'COMPLETED' ? status.state : undefined;
    console.log(state, version());
    return status;
  } catch (error) {
    if (error instanceof JobFailedError) return error.status;
    if (error instanceof TimeoutError) return error.status ?? undefined;
    if (!(error instanceof ConfigError)) throw error;
  } finally {
    await client.close();
  }
  return undefined;
}

// @ts-expect-error a misspelt setting
new Client({ acces_token: 'x' });
// @ts-expect-error no such data center
new Client({ data_center: 'moon' });
// @ts-expect-error a profile is in the configuration file, which this client does not read
new Client({ access_token: 'x', profile: 'eu' });
Client.fromEnvironment({ profile: 'eu' });
// @ts-expect-error not a count until null is excluded
(status: Status): number => status.deletedCount;
