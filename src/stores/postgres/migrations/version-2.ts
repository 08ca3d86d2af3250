/** A session is claimed by name for what is due there alone: who was told of an end, and not asked, does so. */
export const version2 = (s: string): string => `
CREATE FUNCTION ${s}.claim_due(
  given_token text, lease float8, of_user text, of_session text, modes text[], min_age float8, max_turns bigint
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'tool-offload needs transactions that are READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
  END IF;
  -- A session that another is about to claim is left to that one.
  IF ${s}.try_lock(${s}.session_lock(of_user, of_session)) THEN
    RETURN QUERY SELECT * FROM ${s}.take_session(
      of_user, of_session, false, given_token, lease, modes, min_age, max_turns);
  END IF;
END $$;`;
