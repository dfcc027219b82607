/*
 * A wait that meets a failure which passes, and then a word that nobody knows. The environment is as for
 * binding_test.cpp, and these are the server's next two answers.
 */
#include "check.hpp"

int main()
{
    zmd::client client(settings());
    std::vector<zmd::poll> heard;

    check_environment();
    const zmd::status last = client.wait("Leads", "1002", std::chrono::seconds(20), [&](const zmd::poll &poll) {
        heard.push_back(poll);
        return true;
    });
    CHECK(heard.size() == 2);
    CHECK(!heard[0].ok() && heard[0].status.state == zmd::state::unknown && !heard[0].status.has_ended());
    CHECK(contains(heard[0].message, "INTERNAL_ERROR"));
    check_tells(THROWN(zmd::api_error, heard[0].get()), ZMD_ERR_SERVER, 500, "INTERNAL_ERROR");
    CHECK(heard[1].ok() && heard[1].message.empty() && heard[1].api_code.empty());
    CHECK(last.state == zmd::state::unknown && last.state_text == "PAUSED" && !last.has_ended());
    CHECK(last.http_status == 200 && last.total_count == 5 && last.deleted_count == 5 && last.failed_count == -1);
    return passed("unusual_answers");
}
