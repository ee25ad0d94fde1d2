/** Apache Kafka, one node that is broker and controller. */
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificates } from '../helpers/certificates.ts';
import { copyJars, hasFiles, type Installation, installedIn, lacking, run } from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

const VERSION = '4.1.1';

export interface Kafka extends Service {
  /** `host:port` of the same broker where clients have to say who they are; only where `secured` was asked for. */
  saslPlaintext: string;
  saslSsl: string;
  ssl: string;
  /** The certificate that TLS clients are to trust, in PEM. */
  ca: string;
  /** Where a proxy of ours finds the broker, which sends clients to the proxy. */
  behindProxy: { host: string; port: number };
}

export interface KafkaOptions {
  /** The port of a proxy: the broker has a listener of its own for it, and tells clients the proxy's address. */
  proxyPort?: number;
  /** With listeners for SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) and TLS beside the plain one. */
  secured?: boolean;
  /** Further lines of server.properties. */
  settings?: Record<string, string>;
}

/** Whom the secured listeners know. */
export const kafkaUser = { username: 'sluice', password: 'sluice-secret' };

const folder = () => installedIn(`kafka-${VERSION}`);
const java = (mainClass: string, ...args: string[]): string[] => [
  '-Xmx512m',
  '-XX:+UseSerialGC',
  // What runs for seconds does not repay the second compiler.
  '-XX:TieredStopAtLevel=1',
  '-cp',
  join(folder(), 'lib/*'),
  mainClass,
  ...args,
];

export const kafka: Installation = {
  name: 'kafka',
  what: `Apache Kafka ${VERSION} (Maven: org.apache.kafka:kafka_2.13)`,
  isInstalled: () => existsSync(join(folder(), 'formatted')),
  impossible: () => lacking('java', 'mvn'),
  async install() {
    const lib = join(folder(), 'lib');
    if (!hasFiles(lib)) await copyJars(join(import.meta.dirname, 'kafka/pom.xml'), lib);
    await format();
  },
};

/** The empty storage that each broker starts from a copy of, which saves it another start of Java. */
async function format(): Promise<void> {
  const [making, made] = [join(folder(), 'formatting'), join(folder(), 'formatted')];
  await rm(making, { recursive: true, force: true });
  await mkdir(making);
  const properties = join(making, 'server.properties');
  await writeFile(properties, propertiesOf({ PLAINTEXT: 9092, CONTROLLER: 9093 }, join(making, 'data')));
  const { username, password } = kafkaUser;
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(mechanism => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ]);
  const storage = ['format', '-t', 'c2x1aWNlLXRlc3QtMDAwMQ', '-c', properties, ...scram];
  await run('java', java('kafka.tools.StorageTool', ...storage));
  await rename(join(making, 'data'), made);
  await rm(making, { recursive: true });
}

export async function startKafka(t: Lifetime, options: KafkaOptions = {}): Promise<Kafka> {
  const data = await serviceFolder(t);
  await cp(join(folder(), 'formatted'), join(data, 'data'), { recursive: true });
  const names = ['PLAINTEXT', 'CONTROLLER', 'PROXIED', ...(options.secured ? SECURED : [])];
  const ports: Record<string, number> = {};
  for (const name of names) ports[name] = await freePort();
  const certificates = options.secured ? makeCertificates() : undefined;
  const settings = { ...(certificates && securityOf(certificates)), ...options.settings };
  const properties = join(data, 'server.properties');
  await writeFile(properties, propertiesOf(ports, join(data, 'data'), options.proxyPort, settings));
  const port = ports.PLAINTEXT ?? 0;
  const service = await startProcess(t, {
    name: 'Kafka',
    port,
    command: 'java',
    args: java('kafka.Kafka', properties),
    ready: log => log.includes('Kafka Server started'),
  });
  const at = (name: string) => `${service.host}:${ports[name]}`;
  return {
    ...service,
    saslPlaintext: at('SASL_PLAINTEXT'),
    saslSsl: at('SASL_SSL'),
    ssl: at('SSL'),
    ca: certificates?.ca ?? '',
    behindProxy: { host: service.host, port: ports.PROXIED ?? 0 },
  };
}

const SECURED = ['SASL_PLAINTEXT', 'SASL_SSL', 'SSL'];

function propertiesOf(
  ports: Record<string, number>,
  data: string,
  proxyPort?: number,
  settings: Record<string, string> = {},
): string {
  const listeners = Object.entries(ports).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  const advertised = Object.entries(ports)
    .filter(([name]) => name !== 'CONTROLLER')
    .map(([name, port]) => `${name}://127.0.0.1:${name === 'PROXIED' ? (proxyPort ?? port) : port}`);
  const protocols = Object.keys(ports).map(name => `${name}:${SECURED.includes(name) ? name : 'PLAINTEXT'}`);
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.CONTROLLER}`,
    listeners: listeners.join(),
    'advertised.listeners': advertised.join(),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': protocols.join(),
    'log.dirs': data,
    'offsets.topic.replication.factor': '1',
    // Fifty of each, which is the default, take seconds to be made.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // A broker that was killed is let in again only when its last session is over.
    'broker.session.timeout.ms': '1000',
    'broker.heartbeat.interval.ms': '200',
    ...settings,
  };
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function securityOf({ key, certificate }: { key: string; certificate: string }): Record<string, string> {
  const { username, password } = kafkaUser;
  const pem = (text: string) => text.trim().replaceAll('\n', '\\n');
  const users = {
    plain: `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-256': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'scram-sha-512': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  };
  const jaas = ['sasl_plaintext', 'sasl_ssl'].flatMap(listener =>
    Object.entries(users).map(([mechanism, line]) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      line,
    ]),
  );
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...Object.fromEntries(jaas),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.key': pem(key),
    'ssl.keystore.certificate.chain': pem(certificate),
  };
}
