'use strict';
// The binding for Node.js, against the stand-in that tests/packages/hosts.rs starts. The order matters: the stand-in answers the first two polls with a
// job that is queued, without counts, and one that runs.
const test = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const zmd = require('zmd');

const { Client, ZmdError, setLogger, version } = zmd;
const COMPLETED = {
  module: 'Leads', jobId: '1001', state: 'COMPLETED', stateText: 'COMPLETED', httpStatus: 200, totalCount: 9, deletedCount: 9,
  failedCount: 0, isSuccessful: true, hasEnded: true, text: 'COMPLETED, 9 of 9 deleted, 0 failed',
};

async function failure(name, promise, pattern = /./) {
  const error = await promise.then(() => assert.fail(`expected ${name}`), (error) => error);
  assert.ok(error instanceof zmd[name] && error instanceof ZmdError && error instanceof Error, error);
  assert.equal(error.name, name);
  assert.match(error.message, pattern);
  return error;
}

async function all(iterator) {
  const found = [];
  for await (const one of iterator) found.push(one);
  return found;
}

test('the binding', async (t) => {
  const client = Client.fromEnvironment();

  await t.test('a wait with progress', async () => {
    const seen = [];
    const last = await client.wait('Leads', '1001', {
      timeoutMs: 60_000,
      progress: (progress) => seen.push(progress) && undefined,
    });
    assert.deepEqual(seen.map(({ status }) => [status.state, status.deletedCount]), [['QUEUED', null], ['RUNNING', 4], ['COMPLETED', 9]]);
    for (const { index, module, jobId, error, elapsedMs } of seen) {
      assert.deepEqual([index, module, jobId, error, elapsedMs >= 0], [0, 'Leads', '1001', null, true]);
    }
    assert.deepEqual([seen[0].remainingMs, seen[2].remainingMs], [null, null]);
    assert.deepEqual(seen.map(({ nextPollMs }) => typeof nextPollMs), ['number', 'number', 'object']);
    assert.deepEqual(last, COMPLETED);
  });

  await t.test('answers', async () => {
    assert.deepEqual(await client.status('Leads', '1001'), COMPLETED);
    assert.deepEqual(await client.status(' Leads ', 1001), COMPLETED);
    assert.deepEqual(await client.wait('Leads', 1001n), COMPLETED);
    assert.equal((await client.status('Leads', '1004')).state, 'FAILED');
  });

  await t.test('errors', async () => {
    const error = await failure('ForbiddenError', client.status('Leads', 'error-NO_PERMISSION'), /permission denied/);
    assert.ok(error instanceof zmd.ApiError);
    assert.deepEqual([error.number, error.code, error.apiCode, error.httpStatus], [22, 'ZMD_ERR_FORBIDDEN', 'NO_PERMISSION', 403]);
    assert.deepEqual([error.module, error.jobId, error.status, error.isTransient], ['Leads', 'error-NO_PERMISSION', null, false]);
    await failure('ArgumentError', client.status('Sales Orders', '1001'), /Sales_Orders/);
    await failure('ArgumentError', client.status('Leads', '1001', { timeoutMs: 0 }));
    await assert.rejects(client.status('Leads\0', '1001'), /^TypeError: module has a NUL/);
    await assert.rejects(client.statusMany([['Leads', 111111000000222222]]), /^TypeError: jobs\[0\]: jobId .* as a string/);
    await assert.rejects(client.status('Leads'), TypeError);
    await assert.rejects(client.waitMany(['Leads']), TypeError);
    for (const timeoutMs of [-1, NaN, '3']) await assert.rejects(client.wait('Leads', '1001', { timeoutMs }), TypeError);
    const classes = Object.values(zmd).filter((value) => value.prototype instanceof ZmdError);
    const numbers = Array.from({ length: 99 }, (_, i) => i + 1).filter((number) => errorOf(number).code !== 'ZMD_ERR_?');
    // Each has a class of its own, but for NULL_POINTER, which is an argument too; JobFailedError has no number.
    assert.deepEqual(new Set(numbers.map((number) => errorOf(number).constructor)).size, numbers.length - 1);
    assert.equal(classes.length, numbers.length);
    assert.deepEqual(numbers.filter((number) => errorOf(number).isTransient), [10, 11, 13, 14, 15, 25, 26]);
    assert.ok(errorOf(19) instanceof zmd.NetworkError && errorOf(42).constructor === ZmdError);
    assert.equal(errorOf(13, { httpStatus: 407 }).isTransient, false);
  });

  await t.test('a permanent error is the result of the wait, and no progress', async () => {
    const seen = [];
    await failure('JobNotFoundError', client.wait('Leads', '4711', { progress: (progress) => seen.push(progress) }));
    assert.deepEqual(seen, []);
  });

  await t.test('a transient error is progress', async () => {
    const seen = [];
    const other = Client.fromEnvironment({ api_domain: 'https://127.0.0.1:1', proxy: 'none' });
    const progress = ({ status, error }) => { seen.push([status, error.code]); return false; };
    await failure('CancelledError', other.wait('Leads', '1001', { progress }));
    assert.deepEqual(seen, [[null, 'ZMD_ERR_CONNECT']]);
    await other.close();
  });

  await t.test('a job that left records', async () => {
    const error = await failure('JobFailedError', client.wait('Leads', '1003', { check: true }), /Leads 1003: COMPLETED, 7 of 9/);
    assert.deepEqual([error.number, error.code, error.jobId, error.status.failedCount], [0, 'ZMD_JOB_FAILED', '1003', 2]);
    assert.equal((await client.wait('Leads', '1003')).isSuccessful, false);
    assert.deepEqual(await client.wait('Leads', '1001', { check: true }), COMPLETED);
  });

  await t.test('many jobs', async () => {
    const jobs = [['Leads', '1001'], ['Leads', '4711'], ['Sales Orders', '1'], ['Leads', '1003']];
    const [first, ...others] = await client.statusMany(jobs);
    assert.deepEqual(first, COMPLETED);
    assert.deepEqual(others.map(({ name, text }) => name || text), ['JobNotFoundError', 'ArgumentError', 'COMPLETED, 7 of 9 deleted, 2 failed']);
    // A limit of zero polls once; what a busy machine does within another, nobody knows.
    const outcomes = await client.waitMany([...jobs, ['Leads', '1002']], { timeoutMs: 0, check: true });
    assert.deepEqual(outcomes.map(({ name, state }) => name || state), ['COMPLETED', 'JobNotFoundError', 'ArgumentError', 'JobFailedError', 'TimeoutError']);
    assert.equal(outcomes[4].status.state, 'RUNNING');
    const two = [['Leads', '1002'], ['Leads', '1001']];
    for await (const { jobId } of client.asCompleted(two)) {
      assert.equal(jobId, '1001');
      break;
    }
    const completed = await all(client.asCompleted(two, { timeoutMs: 0 }));
    assert.deepEqual(completed.map(({ jobId, name }) => [jobId, name]).sort(), [['1001', undefined], ['1002', 'TimeoutError']]);
    assert.deepEqual(await client.statusMany([]), []);
  });

  await t.test('a wait as an iterator', async () => {
    assert.deepEqual((await all(client.watch('Leads', '1001'))).map(({ status }) => status), [COMPLETED]);
    for await (const { status } of client.watch('Leads', '1002')) {
      assert.equal(status.state, 'RUNNING');
      break;
    }
    // Which ends the wait: an idle client does not keep its process alive.
    const code = `(async () => {
      for await (const _ of require(${JSON.stringify(require.resolve('zmd'))}).Client.fromEnvironment().watch('Leads', '1002')) break;
    })()`;
    assert.equal(spawnSync(process.execPath, ['-e', code], { timeout: 60_000 }).status, 0);
    await failure('JobNotFoundError', all(client.watch('Leads', '4711')));
  });

  await t.test('a wait that progress ends', async () => {
    let polls = 0;
    const error = await failure('CancelledError', client.wait('Leads', '1002', { progress: async () => ++polls < 2 }));
    assert.deepEqual([polls, error.code, error.status.state], [2, 'ZMD_ERR_CANCELLED', 'RUNNING']);
    const mine = new Error('mine');
    const thrown = client.wait('Leads', '1002', { progress: () => { throw mine; } });
    await assert.rejects(thrown, (error) => error === mine);
    assert.deepEqual(await client.status('Leads', '1001'), COMPLETED);
  });

  await t.test('a wait that a signal or its limit ends', async () => {
    const controller = new AbortController();
    const wait = client.wait('Leads', '1002', { signal: controller.signal, progress: () => controller.abort() });
    await assert.rejects(wait, { name: 'AbortError' });
    await assert.rejects(client.status('Leads', '1001', { signal: controller.signal }), { name: 'AbortError' });
    const silent = client.wait('Leads', '1002', { signal: AbortSignal.timeout(20) });
    await assert.rejects(silent, { name: 'TimeoutError', code: DOMException.TIMEOUT_ERR });
    await failure('TimeoutError', client.wait('Leads', '1002', { timeoutMs: 500 }), /within 500 ms/);
    const error = await failure('TimeoutError', client.wait('Leads', '1002', { timeoutMs: 0 }));
    assert.equal(error.status.state, 'RUNNING');
  });

  await t.test('settings', async () => {
    assert.throws(() => new Client({ acces_token: 'x' }), { name: 'ConfigError', message: /acces_token.*did you mean access_token/ });
    const config_file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'zmd-node-')), 'config.toml');
    fs.writeFileSync(config_file, '[wrong]\nmax_retries = "many"\n[right]\nmax_retries = 1\n', { mode: 0o600 });
    assert.throws(() => Client.fromEnvironment({ config_file, profile: 'wrong' }), { name: 'ConfigError', message: /max_retries/ });
    assert.throws(() => Client.fromEnvironment({ config_file, profile: 'none' }), { name: 'ConfigError', message: /profile/ });
    await Client.fromEnvironment({ config_file, profile: 'right' }).close();
    fs.rmSync(path.dirname(config_file), { recursive: true });
    const other = Client.fromEnvironment({ access_token: 'wrong', timeout_ms: 20000, org_id: undefined });
    assert.equal((await failure('UnauthorizedError', other.status('Leads', '1001'))).apiCode, 'INVALID_TOKEN');
    other.setAccessToken(process.env.ZMD_ACCESS_TOKEN);
    assert.deepEqual(await other.status('Leads', '1001'), COMPLETED);
    await other.close();
    assert.equal(version(), require('zmd/package.json').version);
  });

  await t.test('what a client has done', async () => {
    const other = Client.fromEnvironment();
    assert.deepEqual([other.counters().calls, other.credits()], [0, null]);
    await other.status('Leads', '1001');
    await other.wait('Leads', '1001');
    const { calls, polls, connections, bytesSent, waitedMs, ...more } = other.counters();
    assert.deepEqual([calls, polls, connections, bytesSent > 0, waitedMs >= 0], [2, 1, 1, true, true]);
    assert.deepEqual(Object.keys(more), ['retries', 'rateLimits', 'tokenRequests', 'bytesReceived']);
    await other.close();
    assert.throws(() => other.credits(), /closed/);
  });

  await t.test('a job that stands still', async () => {
    const other = Client.fromEnvironment({ stalled_ms: 50 });
    const error = await failure('StalledError', other.wait('Leads', '1002'));
    assert.equal(error.status.state, 'RUNNING');
    await other.close();
  });

  await t.test('a token provider', async () => {
    const { ZMD_API_DOMAIN: api_domain, ZMD_CA_FILE: ca_file, ZMD_ACCESS_TOKEN: token } = process.env;
    const settings = { api_domain, ca_file };
    const asked = [];
    const other = new Client({ ...settings, access_token: async (refused) => asked.push(refused) && (refused ? token : 'old') });
    assert.deepEqual(await other.status('Leads', '1001'), COMPLETED);
    assert.deepEqual(asked, [null, 'old']);
    await other.close();
    const mine = new Error('the vault is sealed');
    const sealed = new Client({ ...settings, access_token: () => { throw mine; } });
    assert.equal((await failure('OAuthError', sealed.status('Leads', '1001'), /the vault is sealed/)).cause, mine);
    await sealed.close();
    const long = new Client({ ...settings, access_token: () => 'x'.repeat(5000) });
    await failure('OAuthError', long.status('Leads', '1001'));
    await long.close();
    let call;
    const asks = new Promise((resolve) => {
      const hangs = new Client({ ...settings, access_token: () => new Promise(() => resolve(hangs)) });
      call = failure('CancelledError', hangs.status('Leads', '1001'));
    });
    await (await asks).close();
    await call;
  });

  await t.test('the log', async () => {
    const lines = [];
    await setLogger((level, line) => lines.push([level, line]), 'debug');
    await client.status('Leads', '1001');
    await setLogger(null);
    assert.ok(lines.some(([level, line]) => level === 'debug' && /1001 of Leads: COMPLETED/.test(line)), lines);
    const count = lines.length;
    await client.status('Leads', '1001');
    assert.equal(lines.length, count);
    await assert.rejects(setLogger(() => {}, 'loud'), /level must be one of/);
  });

  await t.test('many calls at once, each with its own result', async () => {
    const calls = Array.from({ length: 12 }, (_, i) => {
      if (i % 2) return client.status('Leads', '1001').then((status) => assert.deepEqual(status, COMPLETED));
      return failure('ArgumentError', client.status(`Bad-${i}.`, '1001'), new RegExp(`Bad-${i}\\.`));
    });
    await Promise.all(calls);
  });

  await t.test('a worker that is terminated while it waits', async () => {
    const code = `
      const client = require(${JSON.stringify(require.resolve('zmd'))}).Client.fromEnvironment();
      client.status('Leads', '1001').then(() => require('node:worker_threads').parentPort.postMessage(null));
      for (let i = 0; i < 50; i++) client.wait('Leads', '1002');`;
    const worker = new Worker(code, { eval: true });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
  });

  await t.test('a library that is not there, or is another', () => {
    const load = (file) => spawnSync(process.execPath, ['-e', `require(${JSON.stringify(require.resolve('zmd'))})`], {
      encoding: 'utf8', env: { ...process.env, ZMD_LIBRARY: file },
    }).stderr;
    assert.match(load('/none/such.so'), /cannot load libzmd: \/none\/such\.so: .*ZMD_LIBRARY names this file/);
    assert.match(load(process.platform === 'linux' ? 'libc.so.6' : __filename), /zmd_version/);
    assert.match(execFileSync(process.execPath, ['-p', `require(${JSON.stringify(require.resolve('zmd'))}).version()`], { encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/);
  });

  await t.test('closed while it waits', async () => {
    let closed;
    const wait = client.wait('Leads', '1002', { progress: () => { closed ??= client.close(); } });
    await failure('CancelledError', wait);
    await closed;
    await client.close();
    await assert.rejects(client.status('Leads', '1001'), /closed/);
  });
});

function errorOf(number, details) {
  return require(path.join(path.dirname(require.resolve('zmd')), 'errors.js')).errorOf(number, '', details);
}
