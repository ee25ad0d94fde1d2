/** The socket of the embedded Pub/Sub in the file system: by it containers reach it that have no network. */
import { join } from 'node:path';
import { type Config, pubsubDirectory } from '../../config.ts';

/** The folder that is mounted: the socket in it is made anew whenever the service starts. */
export const socketFolder = (config: Config): string => join(pubsubDirectory(config), 'socket');

/** Below the folder of the service, where it begins: the whole path may be longer than a socket's can be. */
export const SOCKET = 'socket/grpc:1';

/**
 * Its address for clients of gRPC, in a container that has the folder at `path`. They put a port behind every address,
 * so that a part of the name looks like one.
 */
export const socketAddress = (path: string): string => `unix:${path}/grpc:1`;
