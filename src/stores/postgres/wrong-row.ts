/** Which task a row is of, in the columns of its table. */
export interface RowKey {
  key: number | string;
  user_id: string;
  id: string;
}

/** A row that cannot be read, or lacks something: of a task, or of what hangs on one. */
export class WrongRowError extends Error {
  readonly row: RowKey;
  readonly table: "tasks" | "events" | "results" | "payloads";
  readonly reason: string;

  constructor(row: RowKey, reason: string, table: WrongRowError["table"] = "tasks") {
    super(reason);
    this.row = row;
    this.table = table;
    this.reason = reason;
  }
}

/** What a part of a row comes to, whatever is wrong with it. @throws WrongRowError */
export function readPart<Read>(
  row: RowKey,
  part: string,
  read: () => Read,
  table?: WrongRowError["table"],
): Read {
  try {
    return read();
  } catch {
    throw new WrongRowError(row, `${part} cannot be read`, table);
  }
}
