import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Prints what it was given, and hashes it on several threads. */
public class Hello {
    public static void main(String[] words) throws Exception {
        System.out.println("java " + System.getProperty("java.specification.version") + " as " + System.getProperty("user.name")
            + " in " + System.getProperty("user.dir"));
        var pool = Executors.newFixedThreadPool(4);
        List<Future<String>> hashes = List.of(words).stream().map(word -> pool.submit(() -> hash(word))).toList();
        for (int i = 0; i < words.length; i++)
            System.out.println(words[i] + " " + hashes.get(i).get());
        pool.shutdown();
    }

    private static String hash(String word) throws Exception {
        var digest = MessageDigest.getInstance("SHA-256").digest(word.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest, 0, 4);
    }
}
