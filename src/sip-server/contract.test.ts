// Runs the contract of a drachtio server: on the embedded server, or on the one that DRACHTIO_HOST names.
import { findExternal, type ServerUnderTest, startEmbedded } from './testing/arena.js';
import { describeUacContract } from './uac.contract.js';
import { describeUasContract } from './uas.contract.js';

const external = process.env.DRACHTIO_HOST;

describe(`a drachtio server (${external === undefined ? 'embedded' : `external, ${external}`})`, function () {
  this.timeout(60_000);
  let server: ServerUnderTest;
  before(async () => {
    server = (await findExternal()) ?? (await startEmbedded());
  });
  after(() => server.close());

  describeUasContract(() => server);
  describeUacContract(() => server);
});
