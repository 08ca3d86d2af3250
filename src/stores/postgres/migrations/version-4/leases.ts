import { UNFINISHED } from "./fragments.ts";

/** Version 1's, but for tasks that were set aside: those are gone. */
export const leases = (s: string): string => `
CREATE OR REPLACE FUNCTION ${s}.renew_leases(of_owner text, asked json, lease float8)
RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
BEGIN
  -- Locked in one order, so that no two renewals wait for each other.
  PERFORM FROM ${s}.tasks t
    JOIN json_to_recordset(asked) AS a(user_id text, id text) ON t.user_id = a.user_id AND t.id = a.id
    WHERE t.owner = of_owner AND t.shelf IN ${UNFINISHED}
    ORDER BY t.user_id, t.id FOR NO KEY UPDATE OF t;
  UPDATE ${s}.tasks t SET shelf_at = ${s}.now_ms() + lease
    FROM json_to_recordset(asked) AS a(user_id text, id text)
    WHERE t.user_id = a.user_id AND t.id = a.id AND t.owner = of_owner AND t.shelf IN ${UNFINISHED};
  RETURN QUERY SELECT json_build_object('key', t.key, 'user_id', t.user_id, 'id', t.id,
      'owned', t.owner IS NOT DISTINCT FROM of_owner, 'version', t.version, 'cancel', t.cancel)
    FROM ROWS FROM (json_to_recordset(asked) AS (user_id text, id text)) WITH ORDINALITY AS a(user_id, id, place)
    JOIN ${s}.tasks t ON t.user_id = a.user_id AND t.id = a.id
    WHERE t.shelf <> 'damaged'
    ORDER BY a.place;
END $$;`;
