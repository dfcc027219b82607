      * A job step that waits until a mass-delete job has ended, and
      * displays once a minute its progress.
      *
      *     zmdstep MODULE JOB-ID [MINUTES]
      *
      * RETURN-CODE:  0  every record was deleted
      *               4  completed, but records were left behind
      *               8  the job failed
      *              12  it still runs after so many minutes
      *                  (240 where none are given)
      *              16  an error, or wrong arguments
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDSTEP.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "zmd.cpy".
       01  ARGUMENT-COUNT             PIC 9(4).
       01  MINUTES-TEXT               PIC X(10) VALUE "240".
       01  MINUTES                    PIC S9(9) COMP-5.
       01  COUNT-IN                   PIC S9(18) COMP-5.
       01  COUNT-EDITED               PIC Z(17)9.
       01  COUNT-OUT                  PIC X(18).
       01  LINE-OUT                   PIC X(120).
       01  LINE-END                   PIC 9(4).
       PROCEDURE DIVISION.
       MAIN SECTION.
           PERFORM GET-ARGUMENTS
           CALL "ZMDSTAT" USING ZMD-REQUEST
           IF ZMD-OK AND (ZMD-COMPLETED OR ZMD-FAILED)
               PERFORM SHOW-STATUS
           ELSE
               PERFORM WAIT-A-MINUTE WITH TEST AFTER
                   UNTIL NOT ZMD-TIMEOUT OR MINUTES <= 0
           END-IF
           PERFORM SET-RETURN-CODE
           STOP RUN.

       GET-ARGUMENTS SECTION.
           ACCEPT ARGUMENT-COUNT FROM ARGUMENT-NUMBER
           IF ARGUMENT-COUNT < 2 OR ARGUMENT-COUNT > 3
               DISPLAY "usage: zmdstep MODULE JOB-ID [MINUTES]"
                   UPON SYSERR
               MOVE 16 TO RETURN-CODE
               STOP RUN
           END-IF
           ACCEPT ZMD-MODULE FROM ARGUMENT-VALUE
           ACCEPT ZMD-JOB-ID FROM ARGUMENT-VALUE
           IF ARGUMENT-COUNT = 3
               ACCEPT MINUTES-TEXT FROM ARGUMENT-VALUE
           END-IF
           IF FUNCTION TEST-NUMVAL(MINUTES-TEXT) NOT = 0
               DISPLAY "MINUTES is no number" UPON SYSERR
               MOVE 16 TO RETURN-CODE
               STOP RUN
           END-IF
           COMPUTE MINUTES = FUNCTION NUMVAL(MINUTES-TEXT).

      * After a timeout the state and the counts are set.
       WAIT-A-MINUTE SECTION.
           IF ZMD-OK
               PERFORM SHOW-STATUS
           END-IF
           MOVE 60000 TO ZMD-TIMEOUT-MS
           IF MINUTES <= 0
               MOVE 0 TO ZMD-TIMEOUT-MS
           END-IF
           CALL "ZMDWAIT" USING ZMD-REQUEST
           IF ZMD-OK OR (ZMD-TIMEOUT AND NOT ZMD-UNKNOWN)
               PERFORM SHOW-STATUS
           END-IF
           SUBTRACT 1 FROM MINUTES.

       SHOW-STATUS SECTION.
           MOVE SPACES TO LINE-OUT
           MOVE 1 TO LINE-END
           STRING FUNCTION TRIM(ZMD-STATE-NAME) ": "
               DELIMITED BY SIZE INTO LINE-OUT POINTER LINE-END
           MOVE ZMD-DELETED-COUNT TO COUNT-IN
           PERFORM EDIT-COUNT
           STRING FUNCTION TRIM(COUNT-OUT) " of "
               DELIMITED BY SIZE INTO LINE-OUT POINTER LINE-END
           MOVE ZMD-TOTAL-COUNT TO COUNT-IN
           PERFORM EDIT-COUNT
           STRING FUNCTION TRIM(COUNT-OUT) " deleted, "
               DELIMITED BY SIZE INTO LINE-OUT POINTER LINE-END
           MOVE ZMD-FAILED-COUNT TO COUNT-IN
           PERFORM EDIT-COUNT
           STRING FUNCTION TRIM(COUNT-OUT) " failed"
               DELIMITED BY SIZE INTO LINE-OUT POINTER LINE-END
           DISPLAY FUNCTION TRIM(LINE-OUT).

       EDIT-COUNT SECTION.
           IF COUNT-IN < 0
               MOVE "?" TO COUNT-OUT
           ELSE
               MOVE COUNT-IN TO COUNT-EDITED
               MOVE COUNT-EDITED TO COUNT-OUT
           END-IF.

       SET-RETURN-CODE SECTION.
           EVALUATE TRUE
               WHEN ZMD-OK AND ZMD-COMPLETED AND ZMD-FAILED-COUNT <= 0
                   MOVE 0 TO RETURN-CODE
               WHEN ZMD-OK AND ZMD-COMPLETED
                   MOVE 4 TO RETURN-CODE
               WHEN ZMD-OK AND ZMD-FAILED
                   MOVE 8 TO RETURN-CODE
               WHEN ZMD-OK
                   DISPLAY "the job is in a state that is not known"
                       UPON SYSERR
                   MOVE 16 TO RETURN-CODE
               WHEN ZMD-TIMEOUT AND NOT ZMD-UNKNOWN
                   MOVE 12 TO RETURN-CODE
               WHEN OTHER
                   DISPLAY FUNCTION TRIM(ZMD-ERROR-NAME) ": "
                       FUNCTION TRIM(ZMD-ERROR-TEXT) UPON SYSERR
                   MOVE 16 TO RETURN-CODE
           END-EVALUATE.
       END PROGRAM ZMDSTEP.
