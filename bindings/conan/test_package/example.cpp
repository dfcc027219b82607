// The package has the headers and a library that runs: it makes a client, and sends nothing.
#include <iostream>

#include <zmd.hpp>

int main()
{
    zmd::config settings;
    const zmd::client client(settings.set("access_token", "1000.example.token"));
    std::cout << "libzmd " << zmd::version() << " has made a client\n";
}
