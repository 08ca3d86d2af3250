export { type StoreSuiteOptions, storeSuite } from "../../src/testing/index.ts";
