// A program that includes the binding, and is compiled without exceptions: the compiler must report that, and nothing else.
#include "zmd.hpp"

int main() { return 0; }
