/*
 * Waits until a mass-delete job has ended, for four hours at the most, and tells what it hears meanwhile.
 *
 *     c++ -std=c++11 example.cpp -lzmd -o example
 *     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy ./example Leads 111111000000222222
 *
 * The exit status is 0 if every record was deleted, 1 if the job failed or left records behind, 2 if it still runs, and
 * 3 after an error.
 */
#include "zmd.hpp"

#include <chrono>
#include <exception>
#include <iostream>

static void print(const zmd::status &status)
{
    std::cout << status.state_text << ": " << status.deleted_count << " of " << status.total_count << " deleted, "
              << status.failed_count << " failed" << std::endl;
}

static bool report(const zmd::poll &poll)
{
    if (poll.ok())
        print(poll.status);
    else
        std::cerr << poll.message << std::endl; // it may pass: the wait tries again
    return true;                                // go on
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: example MODULE JOB_ID\n";
        return 3;
    }
    try {
        zmd::client client; // with the settings of the environment
        const zmd::status last = client.wait(argv[1], argv[2], std::chrono::hours(4), report);
        return last.state == zmd::state::completed && last.failed_count == 0 ? 0 : 1;
    } catch (const zmd::timeout &late) {
        std::cerr << late.what() << '\n';
        return late.last_status().state == zmd::state::unknown ? 3 : 2;
    } catch (const zmd::api_error &refused) {
        std::cerr << zmd_error_name(refused.code()) << ": " << refused.what() << '\n';
        return 3;
    } catch (const std::exception &failure) {
        std::cerr << failure.what() << '\n';
        return 3;
    }
}
