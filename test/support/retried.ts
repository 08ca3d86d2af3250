import type { Reporter, TestCase } from "vitest/node";

/** Names the tests that passed only when tried again, with what they failed of at first. */
export class RetriedTests implements Reporter {
  readonly #retried: TestCase[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#retried.push(test);
  }

  onTestRunEnd(): void {
    for (const test of this.#retried) {
      console.log(`Passed when tried again: ${test.module.relativeModuleId} > ${test.fullName}`);
      for (const { message } of test.result().errors ?? []) console.log(`  at first: ${message}`);
    }
  }
}
