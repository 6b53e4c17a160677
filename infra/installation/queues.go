package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// attempts is how often a message is tried before it is set aside.
const attempts = 5

// queues are the queues that messages travel on, and those where they end that could not be handled.
type queues struct {
	compile, register, tasks             awssqs.Queue
	compileDead, registerDead, tasksDead awssqs.Queue
	poison                               awssqs.Queue
}

func (m *mesh) makeQueues() {
	m.queues.compile, m.queues.compileDead = m.makeQueue("Compile", "compile", true, timeouts["compile"])
	m.queues.register, m.queues.registerDead = m.makeQueue("Register", "register", true, timeouts["register"])
	m.queues.tasks, m.queues.tasksDead = m.makeQueue("Tasks", "task-events", false, timeouts["register"])
	m.queues.poison = m.makeDeadQueue("Poison", "poison", false, "holds stream records that could not be understood: it is where they end")
}

// makeQueue makes a queue and the one behind it. Lambda wants the visibility timeout to be six times the function's.
func (m *mesh) makeQueue(id, name string, fifo bool, timeout float64) (queue, dead awssqs.Queue) {
	dead = m.makeDeadQueue(id+"Dead", name+"-dead", fifo, "is the dead-letter queue")
	queue = awssqs.NewQueue(m.Stack, jsii.String(id+"Queue"), queueProps(m, name, fifo, func(p *awssqs.QueueProps) {
		p.VisibilityTimeout = awscdk.Duration_Seconds(jsii.Number(6 * timeout))
		p.RetentionPeriod = awscdk.Duration_Days(jsii.Number(4))
		p.DeadLetterQueue = &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: jsii.Number(attempts)}
	}))
	return queue, dead
}

// makeDeadQueue makes a queue that nobody reads but people.
func (m *mesh) makeDeadQueue(id, name string, fifo bool, why string) awssqs.Queue {
	queue := awssqs.NewQueue(m.Stack, jsii.String(id+"Queue"), queueProps(m, name, fifo, func(p *awssqs.QueueProps) {
		p.RetentionPeriod = awscdk.Duration_Days(jsii.Number(14))
	}))
	accept(queue, "AwsSolutions-SQS3", "It "+why+", and an alarm tells when it isn't empty.")
	return queue
}

// queueProps are what all queues share. Deduplication ids are unique, so FIFO queues need no content hashing; their
// throughput is counted by mesh, so a busy mesh slows no other.
func queueProps(m *mesh, name string, fifo bool, change func(*awssqs.QueueProps)) *awssqs.QueueProps {
	props := awssqs.QueueProps{
		QueueName:  m.named(name),
		Encryption: awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL: jsii.Bool(true),
	}
	if fifo {
		props.QueueName = jsii.String(*props.QueueName + ".fifo")
		props.Fifo = jsii.Bool(true)
		props.DeduplicationScope = awssqs.DeduplicationScope_MESSAGE_GROUP
		props.FifoThroughputLimit = awssqs.FifoThroughputLimit_PER_MESSAGE_GROUP_ID
	}
	change(&props)
	return &props
}
