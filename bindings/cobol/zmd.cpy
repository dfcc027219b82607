      * The record of ZMDSTAT, ZMDWAIT and ZMDWATCH.
       01  ZMD-REQUEST.
       COPY "zmdjob.cpy".
      *    What a program that ZMDWATCH calls sets to end the wait.
           15  ZMD-IS-STOPPED         PIC S9(9) COMP-5.
               88  ZMD-STOP           VALUE 1.
