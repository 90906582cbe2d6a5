#include <systemc>

/// SystemC's library asks for it, because its own main would call it. Triad has a main and elaborates by itself; a
/// user's platform that has an sc_main is linked with that one.
int sc_main(int, char*[]) {
  return 0;
}
