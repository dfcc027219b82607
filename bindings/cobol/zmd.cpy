      * The record of ZMDSTAT and ZMDWAIT.
       01  ZMD-REQUEST.
       COPY "zmdjob.cpy".
