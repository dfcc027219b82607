'use strict';
// The process ends while a wait is in flight.
const { Client } = require('zmd');

Client.fromEnvironment().wait('Leads', '1002', { progress: () => process.exit(7) });
