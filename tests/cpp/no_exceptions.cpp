// A program that includes the binding, and is compiled without exceptions: the compiler is to say so, and no more.
#include "zmd.hpp"

int main() { return 0; }
