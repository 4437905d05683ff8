// Check Argo Rollouts' objects in a JSON array (standard input) against its schemas, which the
// package @kubernetes-models/argo-rollouts carries: node argo_rollouts.mjs NODE_MODULES
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = `${process.argv[2]}/@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1`;
let failed = 0;
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${object.kind}/${object.metadata.name}`;
  try {
    const module = await import(pathToFileURL(`${folder}/${object.kind}.js`));
    new module[object.kind](object).validate();
    console.log(`${name} ok`);
  } catch (error) {
    failed += 1;
    console.error(`${name}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);
