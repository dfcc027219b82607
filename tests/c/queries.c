/*
 * Asks for one job a number of times with one client, as quickly as it can: to count what a query costs.
 * usage: queries COUNT, with the settings in the environment
 */
#include "check.h"

int main(int argc, char **argv)
{
    zmd_client *client = NULL;
    zmd_status status;
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;

    CHECK_OK(zmd_client_new(NULL, &client));
    for (long i = 0; i < count; i++)
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
    return passed("queries");
}
