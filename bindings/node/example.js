'use strict';
// Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
//
//     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy node example.js Leads 111111000000222222
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
const { Client, JobFailedError, TimeoutError, ZmdError } = require('./index.js');

function show({ status, error }) {
  if (status) console.log(status.text);
  else console.error(error.message); // the wait continues
}

async function main(module, jobId, seconds = 4 * 3600, ...more) {
  if (!jobId || more.length > 0 || !Number.isFinite(+seconds)) {
    console.error('usage: node example.js MODULE JOB_ID [SECONDS]');
    return 3;
  }
  let client;
  try {
    client = Client.fromEnvironment();
    await client.wait(module, jobId, { timeoutMs: seconds * 1000, progress: show, check: true });
    return 0;
  } catch (error) {
    if (error instanceof JobFailedError) return 1;
    if (!(error instanceof ZmdError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return error instanceof TimeoutError && error.status ? 2 : 3;
  } finally {
    await client?.close();
  }
}

main(...process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
