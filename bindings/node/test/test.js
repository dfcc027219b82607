'use strict';
// The binding for Node.js, against the stand-in that tests/packages/hosts.rs starts. The order matters: the stand-in answers the first two polls with a
// job that is queued, without counts, and one that runs.
const test = require('node:test');
const assert = require('node:assert/strict');
const { Client, ZmdError, version } = require('../index.js');

const COMPLETED = {
  state: 'COMPLETED', stateText: 'COMPLETED', httpStatus: 200, totalCount: 9, deletedCount: 9, failedCount: 0,
  isSuccessful: true, hasEnded: true, text: 'COMPLETED, 9 of 9 deleted, 0 failed',
};

async function failure(code, promise, pattern = /./) {
  const error = await promise.then(() => assert.fail(`expected ${code}`), (error) => error);
  assert.ok(error instanceof ZmdError, error);
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return error;
}

test('the binding', async (t) => {
  const client = Client.fromEnvironment();

  await t.test('a wait with progress', async () => {
    const seen = [];
    const last = await client.wait('Leads', '1001', {
      timeoutMs: 60_000,
      progress: (status, error) => seen.push([status.state, status.deletedCount, error]) && undefined,
    });
    assert.deepEqual(seen, [['QUEUED', null, null], ['RUNNING', 4, null], ['COMPLETED', 9, null]]);
    assert.deepEqual(last, COMPLETED);
  });

  await t.test('answers', async () => {
    assert.deepEqual(await client.status('Leads', '1001'), COMPLETED);
    assert.deepEqual(await client.status('Leads', 1001), COMPLETED);
    assert.deepEqual(await client.wait('Leads', 1001n), COMPLETED);
    assert.equal((await client.status('Leads', '1004')).state, 'FAILED');
  });

  await t.test('errors', async () => {
    const error = await failure('ZMD_ERR_FORBIDDEN', client.status('Leads', 'error-NO_PERMISSION'), /permission denied/);
    assert.deepEqual([error.number, error.apiCode, error.status.httpStatus], [22, 'NO_PERMISSION', 403]);
    await failure('ZMD_ERR_INVALID_ARGUMENT', client.status('Sales Orders', '1001'), /Sales_Orders/);
    await assert.rejects(client.status('Leads\0', '1001'), /NUL/);
    await assert.rejects(client.status('Leads', 111111000000222222), /as a string/);
    await assert.rejects(client.status('Leads'), TypeError);
    assert.throws(() => new Client({ acces_token: 'x' }), /acces_token/);
  });

  await t.test('a wait that progress ends', async () => {
    let polls = 0;
    const error = await failure('ZMD_ERR_CANCELLED', client.wait('Leads', '1002', { progress: async () => ++polls < 2 }));
    assert.deepEqual([polls, error.status.state], [2, 'RUNNING']);
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
    const error = await failure('ZMD_ERR_TIMEOUT', client.wait('Leads', '1002', { timeoutMs: 500 }));
    assert.equal(error.status.state, 'RUNNING');
  });

  await t.test('settings', async () => {
    const other = Client.fromEnvironment({ access_token: 'wrong', timeout_ms: 20000 });
    assert.equal((await failure('ZMD_ERR_UNAUTHORIZED', other.status('Leads', '1001'))).apiCode, 'INVALID_TOKEN');
    other.setAccessToken(process.env.ZMD_ACCESS_TOKEN);
    assert.deepEqual(await other.status('Leads', '1001'), COMPLETED);
    await other.close();
    assert.equal(version(), require('../package.json').version);
  });

  await t.test('many calls at once, each with its own result', async () => {
    const calls = Array.from({ length: 12 }, (_, i) => {
      if (i % 2) return client.status('Leads', '1001').then((status) => assert.deepEqual(status, COMPLETED));
      return failure('ZMD_ERR_INVALID_ARGUMENT', client.status(`Bad-${i}.`, '1001'), new RegExp(`Bad-${i}\\.`));
    });
    await Promise.all(calls);
  });

  await t.test('closed while it waits', async () => {
    let closed;
    const wait = client.wait('Leads', '1002', { progress: () => { closed ??= client.close(); } });
    await failure('ZMD_ERR_CANCELLED', wait);
    await closed;
    await client.close();
    await assert.rejects(client.status('Leads', '1001'), /closed/);
  });
});
