      * The record of ZMDCOUNT: what all calls so far have done.
       01  ZMD-COUNTERS.
      *    The API credits that remained when the service last told;
      *    -1: it has not.
           05  ZMD-CREDITS            PIC S9(18) COMP-5.
      *    A zmd_counters, as zmd.h has it.
           05  ZMD-COUNTS.
               10  ZMD-CALLS          PIC S9(18) COMP-5.
               10  ZMD-POLLS          PIC S9(18) COMP-5.
               10  ZMD-RETRIES        PIC S9(18) COMP-5.
               10  ZMD-RATE-LIMITS    PIC S9(18) COMP-5.
               10  ZMD-TOKEN-REQUESTS PIC S9(18) COMP-5.
               10  ZMD-CONNECTIONS    PIC S9(18) COMP-5.
               10  ZMD-BYTES-SENT     PIC S9(18) COMP-5.
               10  ZMD-BYTES-RECEIVED PIC S9(18) COMP-5.
               10  ZMD-WAITED-MS      PIC S9(18) COMP-5.
