/**
 * The row of a session in "claims" stays when its claim is over (then "ends_at" is 0), since it has the number of the last
 * one; it goes with the turns of the session. Who waits for the session is in it too, so that a claim looks at one row:
 * "waiting" has the place and the end of each wait by its claimant, and "waited_until" the last end.
 *
 * A task that was asked for under an idempotency key is found by it for as long as it is kept; the key is in its details
 * too.
 *
 * What cannot be read is filed under "damaged", where nobody looks, with the reason.
 */
export const columns = (s: string): string => `
ALTER TABLE ${s}.tasks
  ADD COLUMN follow_up_holds integer,
  ADD COLUMN has_result boolean NOT NULL DEFAULT false,
  ADD COLUMN damage text,
  ADD COLUMN idempotency_key text COLLATE "C";
CREATE UNIQUE INDEX tasks_by_idempotency_key ON ${s}.tasks (user_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
ALTER TABLE ${s}.claims
  ADD COLUMN number bigint NOT NULL DEFAULT 0,
  ADD COLUMN turn_by text COLLATE "C" NOT NULL DEFAULT 'library',
  ADD COLUMN stop text,
  ADD COLUMN waiting jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN waited_until float8 NOT NULL DEFAULT 0;
DROP INDEX ${s}.claims_by_end;
CREATE INDEX claims_by_number ON ${s}.claims (number);`;
