/*
 * Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints every poll.
 *
 *     c++ -std=c++11 example.cpp -lzmd -o example
 *     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy ./example Leads 111111000000222222
 *
 * The exit status is 0 if every record was deleted, 1 if the job failed or left records behind, 2 if it still runs, and
 * 3 after an error.
 */
#include "zmd.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>

namespace {

void report(const zmd::poll &poll)
{
    if (poll.ok())
        std::cout << poll.status << '\n' << std::flush;
    else if (poll.is_transient())
        std::cerr << poll.message << '\n'; // the wait continues
}

} // namespace

int main(int argc, char **argv)
{
    char *end = nullptr;
    const std::chrono::seconds limit(argc > 3 ? std::strtol(argv[3], &end, 10) : 4L * 3600);
    if (argc < 3 || argc > 4 || (end != nullptr && *end != '\0')) {
        std::cerr << "usage: example MODULE JOB_ID [SECONDS]\n";
        return 3;
    }
    try {
        const zmd::client client; // with the settings of the environment
        const zmd::status last = client.wait(argv[1], argv[2], limit, report);
        return last.is_successful() ? 0 : 1;
    } catch (const zmd::timeout &late) {
        std::cerr << zmd_error_name(late.code()) << ": " << late.what() << '\n';
        return late.last_status().state == zmd::state::unknown ? 3 : 2;
    } catch (const zmd::api_error &refused) {
        std::cerr << zmd_error_name(refused.code()) << ": " << refused.what() << '\n';
        return 3;
    } catch (const std::exception &failure) {
        std::cerr << failure.what() << '\n';
        return 3;
    }
}
