      * A zmd_status, as zmd.h has it: for zmdcall.cob.
       01  C-STATUS.
           05  C-STATE                PIC S9(9) COMP-5.
           05  C-HTTP-STATUS          PIC S9(9) COMP-5.
           05  C-TOTAL-COUNT          PIC S9(18) COMP-5.
           05  C-DELETED-COUNT        PIC S9(18) COMP-5.
           05  C-FAILED-COUNT         PIC S9(18) COMP-5.
           05  C-STATE-TEXT           PIC X(32).
