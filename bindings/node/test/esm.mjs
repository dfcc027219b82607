// The package as an ES module. Prints what a wait says.
import { Client, JobFailedError } from 'zmd';

const client = Client.fromEnvironment();
for await (const { status } of client.watch('Leads', '1001')) console.log(status.text);
await client.wait('Leads', '1003', { check: true }).catch((error) => console.log(error instanceof JobFailedError, error.message));
await client.close();
