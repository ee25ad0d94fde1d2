import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One node of OpenSearch that lives until it is killed; its own runner ends with its standard input. */
public class Node {
  public static void main(String[] arguments) throws Exception {
    // The runner adds the number of the node, which is the first.
    int port = Integer.parseInt(arguments[1]) - 1;
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.setMaxHttpPort(port + 2);
    try {
      runner
          .onBuild(
              (number, settings) -> {
                settings.put("network.host", "127.0.0.1");
                // Nodes of one machine would find one another, and share what they hold.
                settings.put("discovery.type", "single-node");
                settings.put("transport.port", arguments[2]);
                settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
                for (int i = 3; i < arguments.length; i++) {
                  String[] setting = arguments[i].split("=", 2);
                  settings.put(setting[0], setting[1]);
                }
              })
          .build(
              OpenSearchRunner.newConfigs()
                  .basePath(arguments[0])
                  .clusterName("sluice-" + arguments[1])
                  .numOfNode(1)
                  .baseHttpPort(port));
      runner.ensureYellow();
      System.out.println("OpenSearch is ready");
      Thread.currentThread().join();
    } catch (Throwable error) {
      error.printStackTrace();
      System.exit(1);
    }
  }
}
