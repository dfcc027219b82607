'use strict';
// A wait with a callback that returns nothing (go), or false, which ends it (stop): see tests/packages/hosts.rs.
const { Client } = require('zmd');

const progress = {
  go: ({ status }) => { console.log(status.text); },
  stop: ({ status }) => { console.log(status.text); return false; },
}[process.argv[2]];

const client = Client.fromEnvironment();
client.wait('Leads', '1001', { progress })
  .then((last) => console.log(last.hasEnded, last.isSuccessful), (error) => console.log(error.code))
  .then(() => client.close());
