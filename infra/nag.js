// Holds a synthesized template to the rules of cdk-nag (AwsSolutions). A rule that is not followed is suppressed in the
// template itself, beside the resource and with its reason: accept() in infra/installation/accept.go.
//
//   node nag.js TEMPLATE
//
// Prints what is left, and exits with 1 if anything is. cdk-nag has no Go module, hence this file.
const path = require('path')
const from = (name) => require(require.resolve(name, { paths: [path.join(__dirname, '../.tools/infra')] }))
const cdk = from('aws-cdk-lib')
const { CfnInclude } = from('aws-cdk-lib/cloudformation-include')
const { AwsSolutionsChecks } = from('cdk-nag')

const app = new cdk.App({ outdir: require('fs').mkdtempSync(path.join(require('os').tmpdir(), 'nag-')) })
const stack = new cdk.Stack(app, 'nag', { synthesizer: new cdk.DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) })
new CfnInclude(stack, 'template', { templateFile: process.argv[2] })
const found = []
cdk.Aspects.of(app).add(new AwsSolutionsChecks({
  reports: false,
  additionalLoggers: [{
    onCompliance() {}, onSuppressed() {}, onSuppressedError() {}, onNotApplicable() {},
    onNonCompliance: (d) => found.push(`${d.ruleId}${d.findingId ? `[${d.findingId}]` : ''} ${d.resource.node.id}: ${d.ruleInfo}`),
    onError: (d) => found.push(`${d.ruleId} ${d.resource.node.id}: the rule failed: ${d.errorMessage}`),
  }],
}))
app.synth()
for (const line of found.sort()) console.log(line)
process.exit(found.length > 0 ? 1 : 0)
