// Runs the contract of a drachtio server: on the embedded server, or on the one that DRACHTIO_HOST names.
import { describeApiContract } from './api.contract.js';
import { describeCdrContract } from './cdr.contract.js';
import { describeEarlyContract } from './early.contract.js';
import { describeMethodsContract } from './methods.contract.js';
import { describeProxyContract } from './proxy.contract.js';
import { findExternal, type ServerUnderTest, startEmbedded } from './testing/arena.js';
import { describeTimersContract } from './timers.contract.js';
import { describeUacContract } from './uac.contract.js';
import { describeUasContract } from './uas.contract.js';
import { describeWireContract } from './wire.contract.js';

const external = process.env.DRACHTIO_HOST;

describe(`a drachtio server (${external === undefined ? 'embedded' : `external, ${external}`})`, function () {
  this.timeout(60_000);
  let server: ServerUnderTest;
  let quickServer: ServerUnderTest;
  before(async () => {
    server = (await findExternal()) ?? (await startEmbedded({ t1Ms: 100 }));
    // The cases that wait for 64·T1 have a server of their own where T1 can be chosen.
    quickServer = server.control === null ? server : await startEmbedded({ t1Ms: 20 });
  });
  after(async () => {
    await server.close();
    await quickServer.close();
  });

  describeUasContract(() => server);
  describeUacContract(() => server);
  describeEarlyContract(() => server);
  describeMethodsContract(() => server);
  describeApiContract(() => server);
  describeCdrContract(() => server);
  describeProxyContract(() => server);
  describeWireContract(() => server);
  describeTimersContract(() => quickServer);
});
