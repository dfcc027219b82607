/**
 * How far is a Zoho CRM mass-delete job? {@link zmd.Client} queries jobs, and waits for their end.
 *
 * <p>The package calls the shared library libzmd, through JNA. All calls of a client go through one queue and one thread.
 */
package zmd;
