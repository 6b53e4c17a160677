// Holds a synthesized template to the rules of cdk-nag (AwsSolutions). A rule that is not followed is suppressed in the
// template itself, beside the resource and with its reason: accept() in infra/installation/accept.go.
//
//   node nag.js TEMPLATE…
//
// Prints what is left, and exits with 1 if anything is. cdk-nag has no Go module, hence this file.
const path = require('path')
const from = (name) => require(require.resolve(name, { paths: [path.join(__dirname, '../.tools/infra')] }))
const cdk = from('aws-cdk-lib')
const { CfnInclude } = from('aws-cdk-lib/cloudformation-include')
const { AwsSolutionsChecks } = from('cdk-nag')

const outdir = require('fs').mkdtempSync(path.join(require('os').tmpdir(), 'nag-'))
const app = new cdk.App({ outdir })
const found = []
for (const templateFile of process.argv.slice(2)) {
  const stack = new cdk.Stack(app, `nag-${path.resolve(templateFile).split(path.sep).slice(-2).join('-')}`.replace(/[^A-Za-z0-9]/g, '-'), {
    synthesizer: new cdk.DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  })
  new CfnInclude(stack, 'template', { templateFile })
}
cdk.Aspects.of(app).add(new AwsSolutionsChecks({
  reports: false,
  additionalLoggers: [{
    onCompliance() {}, onSuppressed() {}, onSuppressedError() {}, onNotApplicable() {},
    onNonCompliance: (d) => found.push(`${d.ruleId}${d.findingId ? `[${d.findingId}]` : ''} ${d.resource.stack.node.id} ${d.resource.node.id}: ${d.ruleInfo}`),
    onError: (d) => found.push(`${d.ruleId} ${d.resource.stack.node.id} ${d.resource.node.id}: the rule failed: ${d.errorMessage}`),
  }],
}))
app.synth()
require('fs').rmSync(outdir, { recursive: true })
for (const line of found.sort()) console.log(line)
process.exit(found.length > 0 ? 1 : 0)
