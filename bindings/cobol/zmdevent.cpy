      * A zmd_event, as zmd.h has it: for zmdcall.cob.
       01  C-EVENT.
           05  C-EVENT-ID             PIC S9(18) COMP-5.
           05  C-EVENT-ERROR          PIC S9(9) COMP-5.
           05  C-EVENT-HAS-ENDED      PIC S9(9) COMP-5.
           05  C-ELAPSED-MS           PIC S9(18) COMP-5.
           05  C-NEXT-POLL-MS         PIC S9(18) COMP-5.
           05  C-EVENT-STATUS         PIC X(64).
