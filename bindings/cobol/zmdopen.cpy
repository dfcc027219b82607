      * What zmdcall.cob has open: zero at the start of the process.
       01  ZMD-OPEN EXTERNAL.
           05  OPEN-CONFIG            USAGE POINTER.
           05  OPEN-CLIENT            USAGE POINTER.
           05  OPEN-PROFILE           PIC X(4097).
