      * The record of ZMDSET. The keys are those of zmd_config_set() in
      * zmd.h, and "profile".
       01  ZMD-SETTING.
           05  ZMD-KEY                PIC X(32).
           05  ZMD-VALUE              PIC X(4096).
      *    The answer: the error, and one line that says what to do.
           05  ZMD-SETTING-ERROR      PIC S9(9) COMP-5.
               88  ZMD-SETTING-OK     VALUE 0.
               88  ZMD-SETTING-IS-LATE VALUE 2.
           05  ZMD-SETTING-ERROR-TEXT PIC X(512).
