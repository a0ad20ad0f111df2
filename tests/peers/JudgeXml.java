// Validates every file of a folder against an XML Schema with the JDK's own parser and validator (Xerces).
import java.io.File;
import java.util.Arrays;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;

public class JudgeXml {
    public static void main(String[] arguments) throws Exception {
        Schema schema = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI).newSchema(new File(arguments[0]));
        File[] files = new File(arguments[1]).listFiles();
        Arrays.sort(files);
        for (File file : files) {
            String verdict = "ok";
            try {
                schema.newValidator().validate(new StreamSource(file));
            } catch (org.xml.sax.SAXException refused) {
                verdict = refused.getMessage().replace('\n', ' ');
            }
            System.out.println(file.getName() + "\t" + verdict);
        }
    }
}
