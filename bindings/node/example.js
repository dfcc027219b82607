'use strict';
// Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
//
//     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy node example.js Leads 111111000000222222
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
const { Client, ZmdError } = require('./index.js');

function show(status, error) {
  if (!error) console.log(status.text);
  else if (error.isTransient) console.error(error.message); // the wait continues
}

async function main(module, jobId, seconds = 4 * 3600, ...more) {
  if (!jobId || more.length > 0 || !Number.isFinite(+seconds)) {
    console.error('usage: node example.js MODULE JOB_ID [SECONDS]');
    return 3;
  }
  try {
    const client = Client.fromEnvironment();
    try {
      const last = await client.wait(module, jobId, { timeoutMs: seconds * 1000, progress: show });
      return last.isSuccessful ? 0 : 1;
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof ZmdError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return error.code === 'ZMD_ERR_TIMEOUT' && error.status.state !== 'UNKNOWN' ? 2 : 3;
  }
}

main(...process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
