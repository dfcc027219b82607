/*
 * A wait with a transient failure, and then a state that the library does not know. The environment is as for
 * binding_test.cpp, and these are the server's next two answers.
 */
#include "check.hpp"

int main()
{
    zmd::client client(settings());
    std::vector<zmd::poll> polls;

    check_environment();
    const zmd::status last = client.wait("Leads", "1002", std::chrono::seconds(20), [&](const zmd::poll &poll) {
        polls.push_back(poll);
        return true;
    });
    CHECK(polls.size() == 2);
    CHECK(!polls[0].ok() && polls[0].status.state == zmd::state::unknown && !polls[0].status.has_ended());
    CHECK(contains(polls[0].message, "INTERNAL_ERROR"));
    check_error(THROWN(zmd::api_error, polls[0].get()), ZMD_ERR_SERVER, 500, "INTERNAL_ERROR");
    CHECK(polls[1].ok() && polls[1].message.empty() && polls[1].api_code.empty());
    CHECK(last.state == zmd::state::unknown && last.state_text == "PAUSED" && !last.has_ended());
    CHECK(last.http_status == 200 && last.total_count == 5 && last.deleted_count == 5 && last.failed_count == -1);
    return passed("unusual_answers");
}
